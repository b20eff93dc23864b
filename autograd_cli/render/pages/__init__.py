"""One page each: what a person reads of a Report, or of the catalogues."""
