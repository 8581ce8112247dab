"""A team's own Litestar handlers, controllers, routers and plugins, beside the functions."""
