{{/* What a schema cannot say, or cannot say clearly. */}}
{{- define "epp.checks" -}}
{{- $moved := dict
    "inferenceExtension" "router.epp, router.monitoring, router.tracing and router.latencyPredictor"
    "inferencePool" "router.modelServers and router.inferencePool"
    "inferenceObjectives" "router.inferenceObjectives"
    "experimentalHttpRoute" "httpRoute (chart epp-host-gateway)" }}
{{- range $key, $place := $moved }}
{{- if hasKey $.Values $key }}
{{- fail (printf "%s is no longer a value: its settings are in %s" $key $place) }}
{{- end }}
{{- end }}
{{- $router := .Values.router }}
{{- if not $router.modelServers.matchLabels }}
{{- fail "router.modelServers.matchLabels is required: the labels of the model servers' pods" }}
{{- end }}
{{- if and $router.inferenceObjectives (not $router.inferencePool.create) }}
{{- fail "router.inferenceObjectives needs router.inferencePool.create: objectives belong to a pool" }}
{{- end }}
{{- if $router.latencyPredictor.enabled }}
{{- fail "router.latencyPredictor.enabled: predicted latency is not part of epp-host yet" }}
{{- end }}
{{- if and $router.tokenizer.enabled (not $router.tokenizer.modelName) }}
{{- fail "router.tokenizer.modelName is required when router.tokenizer.enabled is true" }}
{{- end }}
{{- range $router.epp.plugins }}
{{- if eq (hasKey . "image") (hasKey . "volume") }}
{{- fail (printf "router.epp.plugins: %q needs either image or volume" .name) }}
{{- end }}
{{- end }}
{{- include "epp.checkDrain" . }}
{{- $proxy := $router.proxy }}
{{- if $proxy.failOpen }}
{{- fail "router.proxy.failOpen: Envoy cannot pass on a request whose body it has begun to stream to the EPP; set it to false" }}
{{- end }}
{{- if and $proxy.enabled (eq $proxy.proxyType "agentgateway") }}
{{- if $router.inferencePool.create }}
{{- fail "router.proxy.proxyType agentgateway needs router.inferencePool.create=false" }}
{{- end }}
{{- if not (and $proxy.image $proxy.configMapData) }}
{{- fail "router.proxy.proxyType agentgateway needs router.proxy.image and router.proxy.configMapData" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Requests get drain-timeout to come and again to end; a second more for the answers of those turned away. */}}
{{- define "epp.checkDrain" -}}
{{- $epp := .Values.router.epp }}
{{- $drain := get $epp.flags "drain-timeout" | default "30s" | toString }}
{{- if regexMatch "^[0-9]+(s|m)$" $drain }}
{{- $seconds := mul (regexFind "^[0-9]+" $drain | int) (hasSuffix "m" $drain | ternary 60 1) }}
{{- if ge (mul 2 $seconds) (int $epp.terminationGracePeriodSeconds) }}
{{- fail (printf "router.epp.terminationGracePeriodSeconds (%v) must exceed twice the flag drain-timeout (%s)" $epp.terminationGracePeriodSeconds $drain) }}
{{- end }}
{{- end }}
{{- end }}
