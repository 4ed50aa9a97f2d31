{{- define "epp.rbac" -}}
{{- $name := include "epp.name" . -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "epp.metadata" . | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "epp.metadata" . | nindent 2 }}
rules:
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
  {{- if .Values.router.inferencePool.create }}
  {{- $groups := list "inference.networking.k8s.io" (get .Values.router.epp.flags "pool-group") | compact | uniq }}
  - apiGroups: [{{ join ", " $groups }}]
    resources: [inferencepools]
    verbs: [list, watch]
  # The second group is where these kinds were first published; it counts only where the first does not have them.
  - apiGroups: [llm-d.ai, inference.networking.x-k8s.io]
    resources: [inferenceobjectives, inferencemodelrewrites]
    verbs: [list, watch]
  {{- end }}
---
{{ include "epp.roleBinding" (list . $name) }}
{{- if include "epp.election" . }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}-leader-election
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "epp.labels" . | nindent 4 }}
rules:
  # The right to create cannot be bound to a name, all others are.
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [create]
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    resourceNames:
      - epp-{{ .Release.Namespace }}-{{ .Values.router.inferencePool.create | ternary (include "epp.pool" .) $name }}.llm-d.ai
    verbs: [get, update]
  - apiGroups: [""]
    resources: [events]
    verbs: [create]
---
{{ include "epp.roleBinding" (list . (printf "%s-leader-election" $name)) }}
{{- end }}
{{- if include "epp.metricsAuth" . }}
---
# Who asks for metrics, and may he? These are questions to the whole cluster, so a Role cannot grant them.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "epp.clusterName" . }}-auth
  labels:
    {{- include "epp.labels" . | nindent 4 }}
rules:
  - apiGroups: [authentication.k8s.io]
    resources: [tokenreviews]
    verbs: [create]
  - apiGroups: [authorization.k8s.io]
    resources: [subjectaccessreviews]
    verbs: [create]
---
{{ include "epp.clusterRoleBinding" (list . (printf "%s-auth" (include "epp.clusterName" .)) $name) }}
{{- end }}
{{- end }}

{{/* The EPP's account gets a Role of this name; takes (list root name). */}}
{{- define "epp.roleBinding" -}}
{{- $root := index . 0 }}{{ $name := index . 1 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "epp.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "epp.name" $root }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}

{{/* An account gets a ClusterRole; takes (list root role account). */}}
{{- define "epp.clusterRoleBinding" -}}
{{- $root := index . 0 }}{{ $role := index . 1 }}{{ $account := index . 2 -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $role }}
  labels:
    {{- include "epp.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $role }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
