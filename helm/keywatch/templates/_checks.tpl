{{/* What a schema cannot say, in words. Included once, by the ConfigMap. */}}
{{- define "keywatch.checks" -}}
{{- $config := .Values.config }}
{{- if not (dig "kafka" "bootstrap" "" $config) }}
{{- fail "config.kafka.bootstrap is empty: set it to your brokers, such as kafka:9092" }}
{{- end }}
{{- if not (dig "redis" "url" "" $config) }}
{{- fail "config.redis.url is empty: set it to your Redis, such as redis://redis:6379/0" }}
{{- end }}
{{- if dig "slack" "token" "" $config }}
{{- fail "config.slack.token: values hold no secrets; put the token in a Secret and name it in secrets.slackToken.existingSecret" }}
{{- end }}
{{- if regexMatch "^[a-z+]+://[^/@]*:[^/@]+@" (dig "redis" "url" "" $config) }}
{{- fail "config.redis.url holds a password: put it in a Secret and name it in secrets.redisPassword.existingSecret" }}
{{- end }}
{{- range $name, $_ := dig "kafka" "security" dict $config }}
{{- if contains "password" $name }}
{{- fail (printf "config.kafka.security.%s: values hold no secrets; put it in a Secret and name it in secrets.kafkaPassword.existingSecret" $name) }}
{{- end }}
{{- end }}
{{- if and .Values.policy (dig "alert" "policy" "" $config) }}
{{- fail "both policy and config.alert.policy are set: keep one" }}
{{- end }}
{{- if and .Values.consume.hpa.enabled .Values.consume.keda.enabled }}
{{- fail "consume.hpa.enabled and consume.keda.enabled are both true: KEDA makes a HorizontalPodAutoscaler of its own, and two would fight; keep one" }}
{{- end }}
{{- if and .Values.consume.hpa.enabled (not .Values.consume.hpa.lagPerPod) (not .Values.consume.hpa.cpuUtilization) }}
{{- fail "consume.hpa.enabled needs something to scale on: set consume.hpa.lagPerPod or consume.hpa.cpuUtilization" }}
{{- end }}
{{- range $kind := list "hpa" "keda" }}
{{- $scaler := index $.Values.consume $kind }}
{{- if and $scaler.enabled (gt (int $scaler.minReplicas) (int $scaler.maxReplicas)) }}
{{- fail (printf "consume.%s.minReplicas is greater than consume.%s.maxReplicas" $kind $kind) }}
{{- end }}
{{- end }}
{{- if and (eq (dig "kafka" "partitions" "group" $config) "all") (or (gt (int .Values.consume.replicas) 1) .Values.consume.hpa.enabled .Values.consume.keda.enabled) }}
{{- fail "config.kafka.partitions is all: every replica would read every partition, and they would fence each other off; use group, or one replica" }}
{{- end }}
{{- $oidc := dig "console" "oidc" dict $config }}
{{- $tokens := or .Values.secrets.consoleTokens.existingSecret (dig "console" "tokens_file" "" $config) }}
{{- if and .Values.console.enabled (not $oidc) (not $tokens) }}
{{- fail "console.enabled is true and nobody could come in: set config.console.oidc, or put lines of `keywatch console token` in a Secret and name it in secrets.consoleTokens.existingSecret" }}
{{- end }}
{{- if and .Values.secrets.oidcClientSecret.existingSecret (not $oidc) }}
{{- fail "secrets.oidcClientSecret is set and config.console.oidc is not: name the issuer and client_id there" }}
{{- end }}
{{- $shared := or .Values.secrets.consoleSessionSecret.existingSecret (dig "console" "session_secret_file" "" $config) }}
{{- if and .Values.console.enabled (not $shared) (or .Values.console.hpa.enabled (gt (int .Values.console.replicas) 1)) }}
{{- fail "console has several replicas and no session secret in common, so each would refuse the others' logins: put 32 random bytes in a Secret and name it in secrets.consoleSessionSecret.existingSecret" }}
{{- end }}
{{- if and .Values.console.hpa.enabled (gt (int .Values.console.hpa.minReplicas) (int .Values.console.hpa.maxReplicas)) }}
{{- fail "console.hpa.minReplicas is greater than console.hpa.maxReplicas" }}
{{- end }}
{{- if and (int .Values.migrate.toSchema) (or (gt (int .Values.consume.replicas) 0) .Values.consume.hpa.enabled .Values.consume.keda.enabled) }}
{{- fail "migrate.toSchema is set and there are consumers: they would write this release's schema again; set consume.replicas to 0 and switch hpa and keda off" }}
{{- end }}
{{- if and (int .Values.migrate.toSchema) .Values.migrate.partitions }}
{{- fail "migrate.toSchema and migrate.partitions are both set: one after the other" }}
{{- end }}
{{- if and (or .Values.console.ingress.enabled .Values.console.httpRoute.enabled) (not .Values.console.enabled) }}
{{- fail "console.ingress or console.httpRoute is enabled and console.enabled is false: there is nothing to route to" }}
{{- end }}
{{- if and .Values.console.ingress.enabled (not .Values.console.ingress.hosts) }}
{{- fail "console.ingress.hosts is empty: name the host, such as keywatch.example.com" }}
{{- end }}
{{- if and .Values.console.httpRoute.enabled (not .Values.console.httpRoute.parentRefs) }}
{{- fail "console.httpRoute.parentRefs is empty: name the Gateway, such as [{name: public, namespace: gateways}]" }}
{{- end }}
{{- end }}
