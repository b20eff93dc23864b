"""The use cases, each one function that reads as prose: a request in, a Report out."""
