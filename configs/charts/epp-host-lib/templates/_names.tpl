{{/* Names and labels. Every template takes the chart's root context. */}}

{{- define "epp.name" -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" | lower }}-epp
{{- end }}

{{/* The pool, and with it what gateways and dashboards know the EPP by. */}}
{{- define "epp.pool" -}}
{{ .Release.Name }}
{{- end }}

{{/* Cluster-wide objects carry the namespace in their name. */}}
{{- define "epp.clusterName" -}}
{{ .Release.Namespace }}-{{ include "epp.name" . }}
{{- end }}

{{- define "epp.selectorLabels" -}}
{{- if .Values.router.inferencePool.create -}}
llm-d-router-gateway: {{ include "epp.name" . }}
{{- else -}}
llm-d-router-standalone: {{ include "epp.name" . }}
{{- end }}
{{- end }}

{{- define "epp.labels" -}}
app.kubernetes.io/name: {{ include "epp.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "epp.metadata" -}}
name: {{ include "epp.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "epp.labels" . | nindent 2 }}
{{- end }}

{{/* An image block {registry, repository, tag}; takes (list root block). */}}
{{- define "epp.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{ with $image.registry }}{{ . | trimSuffix "/" }}/{{ end }}{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end }}

{{/* A number or text as people write it: YAML numbers are floats here, and 1000000 would become 1e+06. */}}
{{- define "epp.scalar" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{/* Not empty if a leader is elected. */}}
{{- define "epp.election" -}}
{{- $epp := .Values.router.epp }}
{{- $flag := get $epp.flags "ha-enable-leader-election" | toString }}
{{- if or (eq $flag "true") (and (eq $flag "") (gt (int $epp.replicas) 1)) }}yes{{ end }}
{{- end }}

{{/* Not empty if the metrics port asks for tokens. */}}
{{- define "epp.metricsAuth" -}}
{{- $flag := get .Values.router.epp.flags "metrics-endpoint-auth" | toString }}
{{- if and .Values.router.monitoring.prometheus.auth.enabled (ne $flag "false") }}yes{{ end }}
{{- end }}

{{/* Not empty if the ext-proc port speaks TLS. */}}
{{- define "epp.secure" -}}
{{- $proxy := .Values.router.proxy }}
{{- $plain := and $proxy.enabled (eq $proxy.proxyType "agentgateway") }}
{{- if and (not $plain) (ne (get .Values.router.epp.flags "secure-serving" | toString) "false") }}yes{{ end }}
{{- end }}
