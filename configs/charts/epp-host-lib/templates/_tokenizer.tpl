{{/* The tokenizer's container, without its name. The EPP asks it on 127.0.0.1. */}}
{{- define "epp.tokenizer.container" -}}
{{- $tokenizer := .Values.router.tokenizer -}}
image: {{ include "epp.image" (list . $tokenizer.image) | quote }}
imagePullPolicy: {{ $tokenizer.image.pullPolicy }}
command:
  {{- toYaml ($tokenizer.command | default (list "vllm" "launch" "render")) | nindent 2 }}
args:
  {{- toYaml ($tokenizer.args | default (list $tokenizer.modelName (printf "--port=%d" (int $tokenizer.port)))) | nindent 2 }}
  {{- with $tokenizer.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  {{- toYaml $tokenizer.env | nindent 2 }}
ports:
  - { name: render-http, containerPort: {{ $tokenizer.port }} }
readinessProbe:
  {{- toYaml $tokenizer.readinessProbe | nindent 2 }}
resources:
  {{- toYaml $tokenizer.resources | nindent 2 }}
volumeMounts:
  - { name: model-cache, mountPath: /.cache }
  {{- with $tokenizer.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
