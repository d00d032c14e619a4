"""What the chart makes of its values, and what it does not make."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import (
    CI_FILES,
    CONSOLE,
    Manifest,
    env,
    from_file,
    kinds,
    main,
    named,
    pods,
    rendered,
    settings,
)


def test_by_default_nothing_is_made_that_was_not_asked_for() -> None:
    assert kinds(rendered()) == [
        "ConfigMap/rel-keywatch",
        "NetworkPolicy/rel-keywatch",
        "Pod/rel-keywatch-test",
        "PodDisruptionBudget/rel-keywatch",
        "Service/rel-keywatch-pods",
        "ServiceAccount/rel-keywatch",
        "StatefulSet/rel-keywatch",
    ]


def test_one_process_does_everything_by_default() -> None:
    assert "--role=all" in main(rendered())["args"]


def test_split_makes_consumers_and_alerters() -> None:
    made = rendered(mode="split", consume={"replicas": 3}, alert={"replicas": 2})
    assert "StatefulSet/rel-keywatch" not in kinds(made)
    assert named(made, "StatefulSet", "rel-keywatch-consume")["spec"]["replicas"] == 3
    assert named(made, "Deployment", "rel-keywatch-alert")["spec"]["replicas"] == 2
    assert "--role=consume" in main(made)["args"]
    assert "--role=alert" in main(made, "Deployment")["args"]
    assert "PodDisruptionBudget/rel-keywatch-alert" in kinds(made)


def test_only_consumers_have_a_static_membership_from_the_pod_name() -> None:
    made = rendered(mode="split", **CONSOLE)
    assert env(main(made))["KEYWATCH_KAFKA__INSTANCE_ID"] == "$(POD_NAME)"
    for name in ("rel-keywatch-alert", "rel-keywatch-console"):
        assert "KEYWATCH_KAFKA__INSTANCE_ID" not in env(main(made, "Deployment", name))


def test_pods_start_at_once_and_each_has_its_name() -> None:
    spec = named(rendered(), "StatefulSet")["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    service = named(rendered(), "Service", spec["serviceName"])["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True


@pytest.mark.parametrize("path", CI_FILES, ids=lambda p: p.name)
def test_every_pod_meets_the_restricted_standard(path: Path) -> None:
    for pod in pods(from_file(path)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert not any("hostPath" in volume for volume in pod["volumes"])
        ours = [c for c in pod["containers"] if c["name"] in ("keywatch", "roundtrip")]
        assert len(ours) == 1
        assert ours[0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= set(ours[0]["resources"])


def test_probes_ask_the_loop_and_not_redis() -> None:
    container = main(rendered(metrics={"port": 9500}))
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["startupProbe"]["httpGet"]["path"] == "/startupz"
    assert {"name": "metrics", "containerPort": 9500, "protocol": "TCP"} in container["ports"]


def test_settings_are_written_as_they_are_with_what_the_chart_knows() -> None:
    made = rendered(config={"detect": {"honey_keys": ["h"]}})
    assert settings(made) == {
        "kafka": {
            "bootstrap": "kafka:9092",
            "topic": "api-usage",
            "group": "keywatch",
            "client": "confluent",
        },
        "redis": {"url": "redis://redis:6379/0"},
        "detect": {"honey_keys": ["h"]},
    }


def test_variables_say_where_to_listen_as_the_image_has_them_too() -> None:
    made = env(main(rendered(metrics={"port": 9500}, config={"metrics": {"host": "::"}})))
    assert made["KEYWATCH_METRICS__PORT"] == "9500"
    assert made["KEYWATCH_METRICS__HOST"] == "::"
    assert env(main(rendered()))["KEYWATCH_METRICS__HOST"] == "0.0.0.0"


@pytest.mark.parametrize("path", CI_FILES, ids=lambda p: p.name)
def test_keywatch_reads_the_settings_and_the_policy(path: Path, tmp_path: Path) -> None:
    from alerting.policy import load_policy
    from monitor.config import load

    made = from_file(path)
    for config_map in [m for m in made if m["kind"] == "ConfigMap"]:
        for name, text in config_map["data"].items():
            (tmp_path / name).write_text(text)
    container = main(made)
    variables = {name: value for name, value in env(container).items() if value}
    ports = [port["containerPort"] for port in container["ports"]]
    assert load(tmp_path / "keywatch.yaml", variables).metrics.port in ports
    if (tmp_path / "policy.yaml").exists():
        assert load_policy(tmp_path / "policy.yaml").rules


def test_secrets_are_mounted_as_files_and_named_in_the_settings() -> None:
    made = rendered(secrets={"slackToken": {"existingSecret": "slack", "key": "t"}})
    spec = named(made, "StatefulSet")["spec"]["template"]["spec"]
    (volume,) = [v for v in spec["volumes"] if "secret" in v]
    assert volume["secret"] == {
        "secretName": "slack",
        "defaultMode": 0o440,
        "items": [{"key": "t", "path": "value"}],
    }
    mounted = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
    assert settings(made)["slack"]["token_file"] == f"{mounted[volume['name']]}/value"
    assert not [m for m in made if m["kind"] == "Secret"]


def test_no_secret_no_volume() -> None:
    (spec, _) = pods(rendered())
    assert not [v for v in spec["volumes"] if "secret" in v]
    assert "token_file" not in str(settings(rendered()))


def marks(made: list[Manifest]) -> dict[str, str]:
    found: dict[str, str] = named(made, "StatefulSet")["spec"]["template"]["metadata"]["annotations"]
    return found


POLICY = {"version": 1, "rules": [{"name": "a", "then": "alert"}]}


def test_changed_settings_restart_the_pods() -> None:
    one, other = rendered(), rendered(config={"log": {"level": "debug"}})
    assert marks(one)["checksum/config"] != marks(other)["checksum/config"]
    assert marks(one) == marks(rendered(commonLabels={"a": "b"}))


def test_a_changed_policy_restarts_the_pods_unless_it_is_to_be_reloaded() -> None:
    changed = {**POLICY, "suspend": "off"}
    assert marks(rendered(policy=POLICY)) != marks(rendered(policy=changed))
    assert marks(rendered(policy=POLICY, policyRestarts=False)) == marks(
        rendered(policy=changed, policyRestarts=False)
    )


def test_a_policy_is_mounted_as_a_folder_so_that_changes_arrive() -> None:
    made = rendered(policy=POLICY)
    assert settings(made)["alert"]["policy"] == "/etc/keywatch-policy/policy.yaml"
    mounts = main(made)["volumeMounts"]
    assert {"name": "policy", "mountPath": "/etc/keywatch-policy", "readOnly": True} in mounts
    assert not [m for m in mounts if "subPath" in m]
    assert yaml.safe_load(named(made, "ConfigMap", "rel-keywatch-policy")["data"]["policy.yaml"]) == POLICY
    assert "alert" not in settings(rendered())


@pytest.mark.parametrize("kind", ["hpa", "keda"])
def test_an_autoscaler_owns_the_number_of_replicas(kind: str) -> None:
    made = rendered(consume={kind: {"enabled": True}})
    assert "replicas" not in named(made, "StatefulSet")["spec"]
    assert "replicas" in named(rendered(), "StatefulSet")["spec"]


def test_the_hpa_scales_on_what_it_is_told() -> None:
    made = rendered(consume={"hpa": {"enabled": True, "lagPerPod": 500, "cpuUtilization": 80}})
    spec = named(made, "HorizontalPodAutoscaler")["spec"]
    assert [metric["type"] for metric in spec["metrics"]] == ["Pods", "Resource"]
    assert spec["metrics"][0]["pods"]["metric"]["name"] == "keywatch_consumer_lag_records"
    assert spec["scaleTargetRef"]["name"] == named(made, "StatefulSet")["metadata"]["name"]
    only_cpu = rendered(consume={"hpa": {"enabled": True, "lagPerPod": 0, "cpuUtilization": 80}})
    assert [m["type"] for m in named(only_cpu, "HorizontalPodAutoscaler")["spec"]["metrics"]] == ["Resource"]


def test_keda_names_group_and_topic_and_reads_from_the_earliest() -> None:
    keda = {"enabled": True, "lagPerPod": 500, "triggerAuthentication": "auth", "metadata": {"tls": "enable"}}
    made = rendered(consume={"keda": keda}, config={"kafka": {"topic": "usage", "group": "g"}})
    spec = named(made, "ScaledObject")["spec"]
    assert spec["scaleTargetRef"]["kind"] == "StatefulSet"
    assert spec["triggers"] == [
        {
            "type": "kafka",
            "metadata": {
                "bootstrapServers": "kafka:9092",
                "consumerGroup": "g",
                "topic": "usage",
                "lagThreshold": "500",
                "offsetResetPolicy": "earliest",
                "tls": "enable",
            },
            "authenticationRef": {"name": "auth"},
        }
    ]


def test_nobody_reaches_a_port_that_is_not_served() -> None:
    policy = named(rendered(), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"] == [{"ports": [{"port": "metrics", "protocol": "TCP"}]}]
    assert "egress" not in policy


def test_egress_is_closed_but_for_dns_when_asked() -> None:
    policy = named(rendered(networkPolicy={"restrictEgress": True}), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}]


def test_replicas_are_spread_by_their_own_labels() -> None:
    made = rendered(mode="split")
    for kind, name in (("StatefulSet", "rel-keywatch-consume"), ("Deployment", "rel-keywatch-alert")):
        spec = named(made, kind, name)["spec"]
        chosen = spec["selector"]["matchLabels"]
        assert chosen.items() <= spec["template"]["metadata"]["labels"].items()
        for constraint in spec["template"]["spec"]["topologySpreadConstraints"]:
            assert constraint["labelSelector"]["matchLabels"] == chosen
    own = {"maxSkew": 1, "topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway"}
    given = rendered(topologySpreadConstraints=[{**own, "labelSelector": {"matchLabels": {"a": "b"}}}])
    (spec, _) = pods(given)
    assert spec["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]["a"] == "b"


def test_selectors_do_not_change_with_versions_or_labels() -> None:
    one, other = rendered(), rendered(commonLabels={"team": "x"}, image={"tag": "9"}, podLabels={"p": "q"})
    for kind in ("StatefulSet", "PodDisruptionBudget"):
        assert named(one, kind)["spec"]["selector"] == named(other, kind)["spec"]["selector"]


def test_a_digest_is_stronger_than_a_tag() -> None:
    digest = "sha256:" + "a" * 64
    assert main(rendered(image={"tag": "1", "digest": digest}))["image"] == f"keywatch@{digest}"
    assert main(rendered(image={"tag": "1"}))["image"] == "keywatch:1"


def test_time_to_stop_fits_a_batch_and_the_alerts_at_hand() -> None:
    (pod, _) = pods(rendered())
    assert pod["terminationGracePeriodSeconds"] >= 60


def test_the_test_sends_an_event_and_is_not_taken_for_a_replica() -> None:
    made = rendered()
    test = named(made, "Pod")
    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert test["spec"]["containers"][0]["args"][0] == "roundtrip"
    for found in made:
        selector = found["spec"].get("selector") if found["kind"] in ("Service", "StatefulSet") else None
        wanted = selector.get("matchLabels", selector) if selector else None
        assert not wanted or not wanted.items() <= test["metadata"]["labels"].items(), found["kind"]
    assert "Pod/rel-keywatch-test" not in kinds(rendered(tests={"enabled": False}))


def test_extras_go_everywhere_they_belong() -> None:
    made = rendered(
        mode="split",
        extraEnv=[{"name": "A", "value": "b"}],
        extraObjects=[
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-x"}}
        ],
        extraContainers=[{"name": "side", "image": "i"}],
        extraArgs=["--more"],
    )
    for kind in ("StatefulSet", "Deployment"):
        assert env(main(made, kind))["A"] == "b"
        assert main(made, kind)["args"][-1] == "--more"
        side = named(made, kind)["spec"]["template"]["spec"]["containers"][1]
        assert side["name"] == "side"
    assert "ConfigMap/rel-x" in kinds(made)


def test_a_service_account_that_is_there_already_is_used() -> None:
    made = rendered(serviceAccount={"create": False, "name": "mine"})
    assert not [m for m in made if m["kind"] == "ServiceAccount"]
    assert {pod["serviceAccountName"] for pod in pods(made)} == {"mine"}


def test_a_rollback_is_a_job_of_this_release_without_consumers() -> None:
    made = rendered(migrate={"toSchema": 1}, consume={"replicas": 0})
    (container,) = named(made, "Job")["spec"]["template"]["spec"]["containers"]
    assert container["args"][:4] == ["migrate", "schema", "--to=1", "--apply"]
    assert named(made, "StatefulSet")["spec"]["replicas"] == 0
    (container,) = named(rendered(migrate={"partitions": True}), "Job")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["args"][:3] == ["migrate", "partitions", "--apply"]
    assert not [kind for kind in kinds(rendered()) if kind.startswith("Job/")]


def test_pods_can_be_held_back_from_an_upgrade() -> None:
    made = rendered(consume={"replicas": 3, "updatePartition": 2})
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    assert named(made, "StatefulSet")["spec"]["updateStrategy"] == strategy
