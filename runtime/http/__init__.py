"""Everything between the server and the router: request ids, health, admission, CORS, problem documents."""
