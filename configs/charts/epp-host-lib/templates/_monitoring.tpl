{{- define "epp.monitoring" -}}
{{- $monitoring := .Values.router.monitoring }}
{{- if $monitoring.prometheus.enabled }}
{{- $secured := include "epp.metricsAuth" . }}
{{- if eq $monitoring.provider.name "gmp" -}}
{{ include "epp.podMonitoring" . }}
{{- else -}}
{{ include "epp.serviceMonitor" . }}
{{- end }}
{{- if $secured }}
---
{{ include "epp.metricsReader" . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "epp.monitoringMetadata" -}}
name: {{ include "epp.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "epp.labels" . | nindent 2 }}
  {{- with .Values.router.monitoring.prometheus.extraLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "epp.serviceMonitor" -}}
{{- $monitoring := .Values.router.monitoring -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "epp.monitoringMetadata" . | nindent 2 }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ include "epp.name" . }}
  namespaceSelector:
    matchNames: [{{ .Release.Namespace }}]
  endpoints:
    - port: http-metrics
      path: /metrics
      interval: {{ $monitoring.interval }}
      {{- if include "epp.metricsAuth" . }}
      authorization:
        credentials:
          name: {{ $monitoring.prometheus.auth.secretName }}
          key: token
      {{- end }}
{{- end }}

{{- define "epp.podMonitoring" -}}
{{- $monitoring := .Values.router.monitoring -}}
apiVersion: monitoring.googleapis.com/v1
kind: PodMonitoring
metadata:
  {{- include "epp.monitoringMetadata" . | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "epp.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: metrics
      path: /metrics
      interval: {{ $monitoring.interval }}
      {{- if include "epp.metricsAuth" . }}
      authorization:
        type: Bearer
        credentials:
          secret:
            name: {{ $monitoring.prometheus.auth.secretName }}
            key: token
      {{- end }}
{{- end }}

{{/* An account that may read /metrics and nothing else, and its token. */}}
{{- define "epp.metricsReader" -}}
{{- $monitoring := .Values.router.monitoring }}
{{- $account := printf "%s-metrics-reader" (include "epp.name" .) }}
{{- $role := printf "%s-metrics-reader" (include "epp.clusterName" .) }}
{{- $secret := $monitoring.prometheus.auth.secretName -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $account }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "epp.labels" . | nindent 4 }}
---
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata:
  name: {{ $secret }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "epp.labels" . | nindent 4 }}
  annotations:
    kubernetes.io/service-account.name: {{ $account }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $role }}
  labels:
    {{- include "epp.labels" . | nindent 4 }}
rules:
  - nonResourceURLs: [/metrics]
    verbs: [get]
---
{{ include "epp.clusterRoleBinding" (list . $role $account) }}
{{- if eq $monitoring.provider.name "gmp" }}
---
# The collector reads the token.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $account }}-secret
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "epp.labels" . | nindent 4 }}
rules:
  - apiGroups: [""]
    resources: [secrets]
    resourceNames: [{{ $secret }}]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $account }}-secret
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "epp.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $account }}-secret
subjects:
  - kind: ServiceAccount
    name: collector
    namespace: {{ $monitoring.provider.gmp.autopilot | ternary "gke-gmp-system" "gmp-system" }}
{{- end }}
{{- end }}
