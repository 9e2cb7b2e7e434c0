"""The collector on the web: a bare ASGI application that existing SDKs talk to."""
