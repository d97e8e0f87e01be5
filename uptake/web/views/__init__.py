"""The pages, one module a group. In: a request; out: a page. Each module has its `routes`."""
