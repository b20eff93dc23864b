"""From a run to the cause: where a gradient was cut, lost, stopped, or ceased to be a number."""
