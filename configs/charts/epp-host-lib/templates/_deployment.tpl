{{- define "epp.deployment" -}}
{{- $router := .Values.router }}
{{- $epp := $router.epp }}
{{- $sidecar := and $router.proxy.enabled (ne $router.proxy.mode "service") -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "epp.metadata" . | nindent 2 }}
spec:
  replicas: {{ $epp.replicas }}
  strategy:
    {{- include "epp.strategy" . | nindent 4 }}
  selector:
    matchLabels:
      {{- include "epp.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "epp.selectorLabels" . | nindent 8 }}
        {{- include "epp.labels" . | nindent 8 }}
      annotations:
        # Another configuration is another pod.
        checksum/config: {{ include "epp.configMap" . | sha256sum }}
        {{- if $sidecar }}
        checksum/proxy: {{ include "epp.proxy.files" . | sha256sum }}
        {{- end }}
        {{- with $epp.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "epp.name" . }}
      # Only the EPP gets a token, by the volume below.
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: {{ $epp.terminationGracePeriodSeconds }}
      {{- with $router.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml $epp.podSecurityContext | nindent 8 }}
      {{- with $epp.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $epp.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if gt (int $epp.replicas) 1 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "epp.selectorLabels" . | nindent 14 }}
      {{- end }}
      {{- $init := include "epp.plugins.initContainers" . }}
      {{- if or $init $sidecar }}
      initContainers:
        {{- with $init }}
        {{- . | trim | nindent 8 }}
        {{- end }}
        {{- if $sidecar }}
        # As a sidecar it starts before the EPP and ends after it, so that what drains there still gets its answer.
        - restartPolicy: Always
          {{- include "epp.proxy.container" . | nindent 10 }}
        {{- end }}
      {{- end }}
      containers:
        - name: epp
          {{- include "epp.container" . | nindent 10 }}
        {{- if $router.tokenizer.enabled }}
        - name: tokenizer
          {{- include "epp.tokenizer.container" . | nindent 10 }}
        {{- end }}
      volumes:
        - name: config
          configMap:
            name: {{ include "epp.name" . }}
        - name: token
          projected:
            sources:
              - serviceAccountToken: { path: token, expirationSeconds: 3600 }
              - configMap:
                  name: kube-root-ca.crt
                  items: [{ key: ca.crt, path: ca.crt }]
              - downwardAPI:
                  items: [{ path: namespace, fieldRef: { fieldPath: metadata.namespace } }]
        {{- with include "epp.plugins.volumes" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- if $sidecar }}
        {{- include "epp.proxy.volumes" . | nindent 8 }}
        {{- end }}
        {{- if $router.tokenizer.enabled }}
        - name: model-cache
          emptyDir: {}
        {{- with $router.tokenizer.volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- end }}
        {{- with $epp.volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end }}

{{/* With an election no new pod becomes ready while the old leader lives, so an update that waits for one would wait for
     ever: there all pods are replaced at once, and the leader gives its lease away when it is told to stop. */}}
{{- define "epp.strategy" -}}
{{- if .Values.router.epp.deploymentStrategy }}
{{- toYaml .Values.router.epp.deploymentStrategy }}
{{- else -}}
type: RollingUpdate
rollingUpdate:
  {{- if include "epp.election" . }}
  maxUnavailable: 100%
  maxSurge: 0
  {{- else }}
  maxUnavailable: 0
  maxSurge: 1
  {{- end }}
{{- end }}
{{- end }}

{{/* The EPP's container, without its name. */}}
{{- define "epp.container" -}}
{{- $router := .Values.router }}
{{- $epp := $router.epp -}}
image: {{ include "epp.image" (list . $epp.image) | quote }}
imagePullPolicy: {{ $epp.image.pullPolicy }}
args:
  {{- include "epp.args" . | trim | nindent 2 }}
env:
  - { name: NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
  - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
  {{- if $router.tracing.enabled }}
  - { name: OTEL_SERVICE_NAME, value: {{ include "epp.name" . | quote }} }
  - { name: OTEL_TRACES_EXPORTER, value: otlp }
  - { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ $router.tracing.otelExporterEndpoint | quote }} }
  - { name: OTEL_TRACES_SAMPLER, value: {{ $router.tracing.sampling.sampler | quote }} }
  - { name: OTEL_TRACES_SAMPLER_ARG, value: {{ $router.tracing.sampling.samplerArg | quote }} }
  {{- end }}
  {{- if kindIs "map" $epp.env }}
  {{- range $name, $value := $epp.env }}
  - { name: {{ $name }}, value: {{ include "epp.scalar" $value | quote }} }
  {{- end }}
  {{- else }}
  {{- with $epp.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
ports:
  - { name: grpc, containerPort: {{ $epp.extProcPort }} }
  - { name: grpc-health, containerPort: {{ $epp.grpcHealthPort }} }
  - { name: metrics, containerPort: {{ $router.metricsPort }} }
  {{- with $epp.extraContainerPorts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
# Alive means that it answers; ready, that it should get requests. A follower and one that drains are alive.
livenessProbe:
  grpc: { port: {{ $epp.grpcHealthPort }}, service: liveness }
  initialDelaySeconds: 5
  periodSeconds: 10
readinessProbe:
  grpc: { port: {{ $epp.grpcHealthPort }}, service: readiness }
  periodSeconds: 2
resources:
  {{- toYaml $epp.resources | nindent 2 }}
securityContext:
  {{- toYaml $epp.securityContext | nindent 2 }}
volumeMounts:
  - { name: config, mountPath: /config, readOnly: true }
  - { name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
  {{- with include "epp.plugins.mounts" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $epp.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "epp.args" -}}
{{- $router := .Values.router }}
{{- $epp := $router.epp }}
{{- $flags := dict
    "grpc-port" $epp.extProcPort
    "grpc-health-port" $epp.grpcHealthPort
    "metrics-port" $router.metricsPort
    "config-file" (printf "/config/%s" $epp.pluginsConfigFile)
    "tracing" $router.tracing.enabled }}
{{- if $router.inferencePool.create }}
{{- $flags = merge $flags (dict
    "pool-name" (include "epp.pool" .)
    "pool-namespace" .Release.Namespace
    "pool-group" "inference.networking.k8s.io") }}
{{- else }}
{{- $terms := list }}
{{- range $label, $value := $router.modelServers.matchLabels }}
{{- $terms = append $terms (printf "%s=%s" $label $value) }}
{{- end }}
{{- $ports := list }}
{{- range $router.modelServers.targetPorts }}
{{- $ports = append $ports (int .number) }}
{{- end }}
{{- $flags = merge $flags (dict "endpoint-selector" (join "," $terms) "endpoint-target-ports" (join "," $ports)) }}
{{- end }}
{{- if include "epp.election" . }}{{ $_ := set $flags "ha-enable-leader-election" true }}{{ $_ := set $flags "ha-exit-on-lost-lease" false }}{{ end }}
{{- if not (include "epp.metricsAuth" .) }}{{ $_ := set $flags "metrics-endpoint-auth" false }}{{ end }}
{{- if $router.proxy.enabled }}{{ $_ := set $flags "health-checking" true }}{{ end }}
{{- /* Its session-affinity-scorer is of Alpha stability. */}}
{{- if eq $epp.pluginsConfigFile "payload-agnostic.yaml" }}{{ $_ := set $flags "allow-experimental-plugins" true }}{{ end }}
{{- if not (include "epp.secure" .) }}{{ $_ := set $flags "secure-serving" false }}{{ end }}
{{- range $name, $value := $epp.flags }}{{ $_ := set $flags $name $value }}{{ end }}
{{- range $name, $value := $flags }}
- {{ printf "--%s=%s" $name (include "epp.scalar" $value) | quote }}
{{- end }}
{{- range $epp.plugins }}
- --plugin-dir={{ include "epp.plugins.path" . }}
{{- end }}
{{- end }}
