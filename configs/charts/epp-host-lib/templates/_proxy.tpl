{{/* The proxy of the standalone chart: a sidecar of the EPP, or a Deployment and Service of its own. What router.proxy says
     goes before what proxyType gives. */}}

{{- define "epp.proxy.name" -}}
{{ include "epp.name" . }}-proxy
{{- end }}

{{- define "epp.serviceHost" -}}
{{ include "epp.name" . }}.{{ .Release.Namespace }}.svc.{{ .Values.router.clusterDomain }}
{{- end }}

{{- define "epp.proxy.files" -}}
{{- if .Values.router.proxy.configMapData }}
{{- toYaml .Values.router.proxy.configMapData }}
{{- else -}}
envoy.yaml: |
  {{- include "epp.envoy.bootstrap" . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "epp.proxy.container" -}}
{{- $proxy := .Values.router.proxy }}
{{- $envoy := eq $proxy.proxyType "envoy" }}
{{- $level := list "--service-node" "envoy-proxy" "--log-level" "warn" "--cpuset-threads" "-c" "/etc/envoy/envoy.yaml" }}
{{- $ready := dict "httpGet" ($envoy | ternary (dict "path" "/ready" "port" 19001) (dict "path" "/healthz/ready" "port" 15021)) "periodSeconds" 5 -}}
name: {{ $proxy.name | default (printf "%s-proxy" $proxy.proxyType) }}
image: {{ $proxy.image | quote }}
imagePullPolicy: {{ $proxy.imagePullPolicy }}
{{- with $proxy.command | default ($envoy | ternary "envoy" "") }}
command: {{ kindIs "string" . | ternary (list .) . | toJson }}
{{- end }}
args:
  {{- toYaml ($proxy.args | default ($envoy | ternary $level (list "-f" "/config/config.yaml"))) | nindent 2 }}
env:
  - { name: NS_NAME, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
  - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
  {{- with $proxy.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  {{- if $proxy.ports }}
  {{- toYaml $proxy.ports | nindent 2 }}
  {{- else }}
  - { name: http, containerPort: 8081 }
  - { name: proxy-metrics, containerPort: {{ $envoy | ternary 19001 15020 }} }
  {{- end }}
readinessProbe:
  {{- toYaml ($proxy.readinessProbe | default $ready) | nindent 2 }}
{{- with $proxy.livenessProbe }}
livenessProbe:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml $proxy.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.router.epp.securityContext | nindent 2 }}
volumeMounts:
  - { name: proxy-config, mountPath: {{ $envoy | ternary "/etc/envoy" "/config" }}, readOnly: true }
  {{- with $proxy.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "epp.proxy.volumes" -}}
- name: proxy-config
  configMap:
    name: {{ include "epp.proxy.name" . }}
{{- with .Values.router.proxy.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "epp.proxy" -}}
{{- $proxy := .Values.router.proxy }}
{{- if $proxy.enabled -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "epp.proxy.metadata" . | nindent 2 }}
data:
  {{- include "epp.proxy.files" . | nindent 2 }}
{{- if eq $proxy.mode "service" }}
---
{{ include "epp.proxy.deployment" . }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "epp.proxy.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    llm-d-router-proxy: {{ include "epp.proxy.name" . }}
  ports:
    {{- toYaml .Values.router.extraServicePorts | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "epp.proxy.metadata" -}}
name: {{ include "epp.proxy.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "epp.labels" . | nindent 2 }}
{{- end }}

{{- define "epp.proxy.deployment" -}}
{{- $proxy := .Values.router.proxy -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "epp.proxy.metadata" . | nindent 2 }}
spec:
  replicas: {{ $proxy.replicas }}
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  selector:
    matchLabels:
      llm-d-router-proxy: {{ include "epp.proxy.name" . }}
  template:
    metadata:
      labels:
        llm-d-router-proxy: {{ include "epp.proxy.name" . }}
        {{- include "epp.labels" . | nindent 8 }}
      annotations:
        checksum/proxy: {{ include "epp.proxy.files" . | sha256sum }}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: {{ .Values.router.epp.terminationGracePeriodSeconds }}
      {{- with .Values.router.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml .Values.router.epp.podSecurityContext | nindent 8 }}
      containers:
        - lifecycle:
            # Envoy ends at once when it is told to: first it gets time to end its requests, with no new ones coming.
            preStop:
              sleep: { seconds: {{ sub (int .Values.router.epp.terminationGracePeriodSeconds) 10 }} }
          {{- include "epp.proxy.container" . | nindent 10 }}
      volumes:
        {{- include "epp.proxy.volumes" . | nindent 8 }}
{{- end }}
