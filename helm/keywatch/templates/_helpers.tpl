{{- define "keywatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for "-consume-0" and a revision hash behind it. */}}
{{- define "keywatch.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "keywatch.release" -}}
app.kubernetes.io/name: {{ include "keywatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keywatch.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "keywatch.release" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels that select the pods of one component. Context: dict root component */}}
{{- define "keywatch.selector" -}}
{{ include "keywatch.release" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* What pods that run have and the test pod has not: Prometheus scrapes these. */}}
{{- define "keywatch.scraped" -}}
app.kubernetes.io/part-of: keywatch
{{- end }}

{{/* The component that consumes: all of keywatch, or its consumers. */}}
{{- define "keywatch.consumer" -}}
{{- if eq .Values.mode "all" }}all{{ else }}consume{{ end -}}
{{- end }}

{{/* Name of a component's objects. Context: dict root component */}}
{{- define "keywatch.componentName" -}}
{{- if eq .component "all" }}{{ include "keywatch.fullname" .root }}{{ else }}{{ include "keywatch.fullname" .root }}-{{ .component }}{{ end -}}
{{- end }}

{{- define "keywatch.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "keywatch.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "keywatch.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* keywatch.yaml: the user's settings, and over them what only the chart can know. */}}
{{- define "keywatch.config" -}}
{{- $config := deepCopy .Values.config }}
{{- range $name, $at := fromYaml (include "keywatch.secretSettings" .) }}
{{- if (index $.Values.secrets $name).existingSecret }}
{{- $section := $config }}
{{- range splitList "." $at.section }}
{{- $part := default dict (index $section .) }}
{{- $_ := set $section . $part }}
{{- $section = $part }}
{{- end }}
{{- $_ := set $section $at.field (printf "/run/secrets/keywatch/%s/value" $name) }}
{{- end }}
{{- end }}
{{- if .Values.policy }}
{{- $_ := set $config "alert" (mergeOverwrite (default dict $config.alert) (dict "policy" "/etc/keywatch-policy/policy.yaml")) }}
{{- end }}
{{- $host := include "keywatch.consoleHost" . }}
{{- if and $host (not (dig "alert" "console_url" "" $config)) }}
{{- $_ := set $config "alert" (mergeOverwrite (default dict $config.alert) (dict "console_url" (printf "https://%s" $host))) }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* Where people find the console, empty if the chart does not know. */}}
{{- define "keywatch.consoleHost" -}}
{{- with .Values.console }}
{{- if and .enabled .ingress.enabled }}{{ first .ingress.hosts }}{{ else if and .enabled .httpRoute.enabled .httpRoute.hostnames }}{{ first .httpRoute.hostnames }}{{ end -}}
{{- end }}
{{- end }}

{{/* Which setting reads the file of which secret. */}}
{{- define "keywatch.secretSettings" -}}
kafkaPassword: {section: kafka, field: password_file}
kafkaToken: {section: kafka_oauth, field: token_file}
kafkaClientSecret: {section: kafka_oauth, field: client_secret_file}
redisPassword: {section: redis, field: password_file}
redisSentinelPassword: {section: redis, field: sentinel_password_file}
registryPassword: {section: registry, field: password_file}
registryToken: {section: registry, field: token_file}
slackToken: {section: slack, field: token_file}
slackAppToken: {section: slack, field: app_token_file}
slackSigningSecret: {section: slack, field: signing_secret_file}
keyPepper: {section: keystore, field: pepper_file}
auditKey: {section: audit_log, field: hmac_key_file}
consoleTokens: {section: console, field: tokens_file}
consoleSessionSecret: {section: console, field: session_secret_file}
oidcClientSecret: {section: console.oidc, field: client_secret_file}
{{- end }}
