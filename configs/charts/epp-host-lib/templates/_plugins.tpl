{{/* Plugin libraries from elsewhere: router.epp.plugins, a list of {name, image | volume, ...}. */}}

{{- define "epp.plugins.path" -}}
/plugins/{{ .name }}{{ if .image }}/lib{{ end }}
{{- end }}

{{- define "epp.plugins.volumes" -}}
{{- range .Values.router.epp.plugins }}
- name: plugins-{{ .name }}
  {{- if .image }}
  emptyDir: {}
  {{- else }}
  {{- toYaml .volume | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "epp.plugins.mounts" -}}
{{- range .Values.router.epp.plugins }}
- name: plugins-{{ .name }}
  mountPath: /plugins/{{ .name }}
  readOnly: true
  {{- with .subPath }}
  subPath: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* An emptyDir is open to all, and libraries from such a place are refused: they go into a folder within. */}}
{{- define "epp.plugins.initContainers" -}}
{{- $epp := .Values.router.epp }}
{{- range $epp.plugins }}
{{- if .image }}
- name: plugins-{{ .name }}
  image: {{ .image | quote }}
  {{- with .pullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  command: [sh, -c, 'umask 022 && mkdir -p /to/lib && cp "$FROM"/*.so /to/lib/ && chmod 0644 /to/lib/*.so']
  env:
    - { name: FROM, value: {{ .path | default "/plugins" | quote }} }
  securityContext:
    {{- toYaml $epp.securityContext | nindent 4 }}
  volumeMounts:
    - { name: plugins-{{ .name }}, mountPath: /to }
{{- end }}
{{- end }}
{{- end }}
