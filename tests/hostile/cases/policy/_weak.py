from runtime import Function

config = Function(public=True)
