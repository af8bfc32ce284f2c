"""The web: public pages, the subscriber's pages, health. Starlette around the use cases of `app`."""
