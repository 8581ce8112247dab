"""/hello, called through the whole service."""

from runtime.testing import Caller, Service


def test_hello_greets_by_name(service: Service) -> None:
    answer = service.get("/hello?name=Ada", caller=Caller("user_1"))

    assert answer.json() == {"text": "Hello, Ada!", "user_id": "user_1"}


def test_hello_asks_for_a_session(service: Service) -> None:
    assert service.get("/hello").status_code == 401
