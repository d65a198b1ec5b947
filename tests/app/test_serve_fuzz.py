"""Whatever is sent, right or wrong: no failure, and no answer that the description lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from serve_fakes import write_export

from app.serve.api import make_app
from app.serve.desk import Desk
from app.serve.gate import Door
from app.serve.hosts import Hosts
from app.serve.limits import Limits

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("served") / "export"
    write_export(folder)
    door = Door(hosts=Hosts(allowed=("testserver",)))
    app = make_app(Desk(folder), Limits(seconds=60), door)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", ["/recommend", "/similar"])
def test_nothing_that_is_sent_breaks_it(described, path, mode):
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path]["POST"].as_strategy(generation_mode=mode))
    def send(case):
        case.call_and_validate(checks=CHECKS)

    send()
