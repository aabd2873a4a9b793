"""The pure core: values in, values out. No await, clock, log, random, environment or float."""
