"""The composition root: the only place that names concrete classes; `program` puts all together."""
