"""Keys checked at the door of a web application: ASGI, WSGI and FastAPI, over one gate.

Read in flow order: ``call`` (what came in) -> ``credential`` (the key in it) -> ``gate`` (who it is and
whether it may) -> ``refusal`` (what is answered instead) or the application -> ``usage`` (what is told).
"""
