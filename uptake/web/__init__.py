"""The web application. In: a project's newest run and its state; out: pages, JSON, CDS Hooks.

`site` is what every page reads from, `app` puts routes and middleware together, `views` has one
module a group of pages, `words` says numbers of the chain. Pages are whole without script.
"""
