{{- define "epp.service" -}}
{{- $router := .Values.router -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "epp.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  selector:
    {{- include "epp.selectorLabels" . | nindent 4 }}
  ports:
    - name: grpc-ext-proc
      port: {{ $router.epp.extProcPort }}
      targetPort: grpc
      protocol: TCP
      appProtocol: kubernetes.io/h2c
    - name: http-metrics
      port: {{ $router.metricsPort }}
      targetPort: metrics
      protocol: TCP
    {{- if not (and $router.proxy.enabled (eq $router.proxy.mode "service")) }}
    {{- with $router.extraServicePorts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- end }}
{{- end }}
