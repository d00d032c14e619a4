{{/* The pod template of a component. Context: dict root component part (values of the component) */}}
{{- define "keywatch.pod" -}}
{{- $values := .root.Values }}
{{- $consumes := or (eq .component "all") (eq .component "consume") -}}
metadata:
  labels:
    {{- include "keywatch.selector" . | nindent 4 }}
    {{- include "keywatch.scraped" . | nindent 4 }}
    {{- with $values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "keywatch.config" .root | sha256sum }}
    {{- if and $values.policy $values.policyRestarts }}
    checksum/policy: {{ toYaml $values.policy | sha256sum }}
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "keywatch.serviceAccountName" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int .part.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml $values.podSecurityContext | nindent 4 }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range $values.topologySpreadConstraints }}
    {{- $selector := dict "labelSelector" (dict "matchLabels" (fromYaml (include "keywatch.selector" $))) }}
    - {{- toYaml (merge (deepCopy .) $selector) | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- with $values.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: keywatch
      image: {{ include "keywatch.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args:
        - run
        - --config=/etc/keywatch/keywatch.yaml
        - --role={{ .component }}
        {{- with $values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        # As variables, since the image sets them too and variables are stronger than the file.
        - name: KEYWATCH_METRICS__HOST
          value: {{ dig "metrics" "host" "0.0.0.0" $values.config | quote }}
        - name: KEYWATCH_METRICS__PORT
          value: {{ int $values.metrics.port | quote }}
        {{- if $consumes }}
        - name: KEYWATCH_KAFKA__INSTANCE_ID
          value: $(POD_NAME)
        {{- end }}
        {{- if eq .component "console" }}
        - name: KEYWATCH_CONSOLE__HOST
          value: "0.0.0.0"
        - name: KEYWATCH_CONSOLE__PORT
          value: {{ int .part.port | quote }}
        {{- end }}
        {{- with $values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - {name: metrics, containerPort: {{ int $values.metrics.port }}, protocol: TCP}
        {{- if eq .component "console" }}
        - {name: console, containerPort: {{ int .part.port }}, protocol: TCP}
        {{- end }}
      startupProbe:
        httpGet: {path: /startupz, port: metrics}
        {{- toYaml $values.probes.startup | nindent 8 }}
      livenessProbe:
        httpGet: {path: /livez, port: metrics}
        {{- toYaml $values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        {{- toYaml $values.probes.readiness | nindent 8 }}
      securityContext:
        {{- toYaml $values.securityContext | nindent 8 }}
      resources:
        {{- toYaml .part.resources | nindent 8 }}
      volumeMounts:
        {{- include "keywatch.mounts" .root | nindent 8 }}
    {{- with $values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "keywatch.volumes" .root | nindent 4 }}
{{- end }}

{{- define "keywatch.mounts" -}}
- {name: config, mountPath: /etc/keywatch, readOnly: true}
{{- if .Values.policy }}
- {name: policy, mountPath: /etc/keywatch-policy, readOnly: true}
{{- end }}
{{- range $name, $secret := .Values.secrets }}
{{- if $secret.existingSecret }}
- {name: secret-{{ kebabcase $name }}, mountPath: /run/secrets/keywatch/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "keywatch.volumes" -}}
- name: config
  configMap: {name: {{ include "keywatch.fullname" . }}}
{{- if .Values.policy }}
- name: policy
  configMap: {name: {{ include "keywatch.fullname" . }}-policy}
{{- end }}
{{- range $name, $secret := .Values.secrets }}
{{- if $secret.existingSecret }}
- name: secret-{{ kebabcase $name }}
  secret:
    secretName: {{ $secret.existingSecret }}
    defaultMode: 0440
    items: [{key: {{ $secret.key | quote }}, path: value}]
{{- end }}
{{- end }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
