{{/* The ConfigMap behind --config-file. */}}
{{- define "epp.configMap" -}}
{{- $epp := .Values.router.epp }}
{{- $files := dict
    "default-plugins.yaml" (include "epp.config.default" .)
    "payload-agnostic.yaml" (include "epp.config.payloadAgnostic" .) }}
{{- with $epp.pluginsConfig }}
{{- if hasKey $epp.pluginsCustomConfig $epp.pluginsConfigFile }}
{{- fail (printf "%s is both router.epp.pluginsConfig and a file of router.epp.pluginsCustomConfig" $epp.pluginsConfigFile) }}
{{- end }}
{{- $_ := set $files $epp.pluginsConfigFile (toYaml .) }}
{{- end }}
{{- $files = merge (deepCopy $epp.pluginsCustomConfig) $files }}
{{- if not (hasKey $files $epp.pluginsConfigFile) }}
{{- fail (printf "router.epp.pluginsConfigFile: there is no %s; known: %s" $epp.pluginsConfigFile (keys $files | sortAlpha | join ", ")) }}
{{- end -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "epp.metadata" . | nindent 2 }}
data:
  {{- range $name, $text := $files }}
  {{ $name }}: |
    {{- $text | trim | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "epp.config.parserTypes" -}}
{{- $servers := .Values.router.modelServers }}
{{- if .Values.router.epp.parsers }}{{ join "," .Values.router.epp.parsers }}
{{- else if and (eq $servers.type "vllm") (eq $servers.protocol "grpc") }}vllmgrpc-parser
{{- else if eq $servers.type "triton" }}passthrough-parser
{{- end }}
{{- end }}

{{- define "epp.config.default" -}}
{{- $epp := .Values.router.epp }}
{{- $source := $epp.metricsDataSource }}
{{- $parsers := include "epp.config.parserTypes" . | splitList "," | compact -}}
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: metrics-data-source
  parameters:
    scheme: {{ $source.scheme }}
    path: {{ $source.path | quote }}
    insecureSkipVerify: {{ $source.insecureSkipVerify }}
- type: core-metrics-extractor
  {{- if ne .Values.router.modelServers.type "vllm" }}
  parameters:
    defaultEngine: {{ .Values.router.modelServers.type }}
  {{- end }}
{{- range $parsers }}
- type: {{ . }}
{{- end }}
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
    weight: 2
  - pluginRef: kv-cache-utilization-scorer
    weight: 2
  - pluginRef: prefix-cache-scorer
    weight: 3
dataLayer:
  sources:
  - pluginRef: metrics-data-source
    extractors:
    - pluginRef: core-metrics-extractor
{{- with $parsers }}
requestHandler:
  parsers:
  {{- range . }}
  - pluginRef: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* For requests whose body nobody understands. */}}
{{- define "epp.config.payloadAgnostic" -}}
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: passthrough-parser
- type: active-request-scorer
- type: session-affinity-scorer
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: active-request-scorer
    weight: 1
  - pluginRef: session-affinity-scorer
    weight: 1
requestHandler:
  parsers:
  - pluginRef: passthrough-parser
{{- end }}
