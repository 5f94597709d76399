"""A screen for browsing conflicts at a terminal, built on Textual (extra `screen`).

Nothing here moves a branch or starts git: what is shown comes from a source, what is chosen goes back to the caller that opened the screen. Texts
become styled content, never markup, so no name can inject any.
"""
