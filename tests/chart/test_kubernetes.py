"""What the chart makes, checked by a real API server: admission, defaults and strict fields."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.kubernetes import NAMESPACE, Kubernetes, binary, kubernetes
from tests.chart.rendering import CHART, CI_FILES, Manifest, from_file, named, pods, tool
from tests.chart.test_render import known


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    absent = [name for name in ("etcd", "kube-apiserver") if not binary(name)]
    if absent:
        reason = f"{' and '.join(absent)} not built: `tests/get_tools.sh --kubernetes` takes some minutes"
        if os.environ.get("KEYWATCH_KUBERNETES"):
            pytest.fail(reason)
        pytest.skip(reason)
    with kubernetes(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running


@pytest.mark.parametrize("path", CI_FILES, ids=lambda p: p.name)
def test_the_api_server_accepts_everything(cluster: Kubernetes, path: Path) -> None:
    for manifest in known(from_file(path)):
        answer = cluster.create(manifest)
        assert answer.is_success, answer.text
        assert "Warning" not in answer.headers, answer.headers["Warning"]


def bare(pod: Manifest) -> Manifest:
    """A pod of its own, without what needs other objects to exist first."""
    spec = {name: value for name, value in pod.items() if name != "priorityClassName"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "alone", "namespace": NAMESPACE},
        "spec": spec,
    }


def test_pods_are_admitted_where_only_restricted_ones_are(cluster: Kubernetes) -> None:
    for path in CI_FILES:
        for pod in pods(from_file(path)):
            answer = cluster.create(bare(pod))
            assert answer.is_success, answer.text


def test_the_server_does_refuse(cluster: Kubernetes) -> None:
    made = from_file(CHART / "ci/minimal-values.yaml")
    (pod, _) = pods(made)
    pod["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert "violates PodSecurity" in cluster.create(bare(pod)).text
    claim = named(made, "StatefulSet")
    claim["spec"]["replicaz"] = 1
    assert "unknown field" in cluster.create(claim).text


def helm(cluster: Kubernetes, *arguments: str) -> None:
    command = [tool("helm"), *arguments, "--namespace", NAMESPACE, "--kubeconfig", str(cluster.config)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_release_is_installed_upgraded_rolled_back_and_removed(cluster: Kubernetes) -> None:
    """No field that Kubernetes forbids to change changes with the values."""
    release = ("rel", str(CHART), "-f")
    helm(cluster, "install", *release, str(CHART / "ci/minimal-values.yaml"))
    assert cluster.names("/apis/apps/v1", "statefulsets") == ["rel-keywatch"]
    for feature in ("scheduling", "secrets", "policy", "hpa", "traces", "network-policy", "split"):
        helm(cluster, "upgrade", *release, str(CHART / f"ci/{feature}-values.yaml"))
    assert cluster.names("/apis/apps/v1", "statefulsets") == ["rel-keywatch-consume"]
    assert cluster.names("/apis/apps/v1", "deployments") == ["rel-keywatch-alert"]
    helm(cluster, "rollback", "rel", "1")
    assert cluster.names("/apis/apps/v1", "statefulsets") == ["rel-keywatch"]
    assert cluster.names("/apis/apps/v1", "deployments") == []
    helm(cluster, "uninstall", "rel")
    assert cluster.names("/api/v1", "configmaps") == []
