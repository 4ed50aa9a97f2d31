{{- define "epp.inferencePool" -}}
{{- $router := .Values.router }}
{{- if $router.inferencePool.create -}}
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata:
  name: {{ include "epp.pool" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "epp.labels" . | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- toYaml $router.modelServers.matchLabels | nindent 6 }}
  targetPorts:
    {{- range $router.modelServers.targetPorts }}
    - number: {{ .number }}
    {{- end }}
  appProtocol: {{ eq $router.modelServers.protocol "grpc" | ternary "kubernetes.io/h2c" "http" }}
  endpointPickerRef:
    name: {{ include "epp.name" . }}
    port:
      number: {{ $router.epp.extProcPort }}
    failureMode: {{ $router.inferencePool.failureMode }}
{{- range $router.inferenceObjectives }}
---
apiVersion: llm-d.ai/v1alpha2
kind: InferenceObjective
metadata:
  name: {{ .name }}
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "epp.labels" $ | nindent 4 }}
spec:
  {{- if hasKey . "priority" }}
  priority: {{ int64 .priority }}
  {{- end }}
  poolRef:
    group: inference.networking.k8s.io
    kind: InferencePool
    name: {{ include "epp.pool" $ }}
{{- end }}
{{- end }}
{{- end }}
