{{/* Envoy's bootstrap. Each request passes the EPP, which names the model server in a header; the route leads to that
     address. */}}
{{- define "epp.envoy.bootstrap" -}}
{{- $router := .Values.router -}}
admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 19000 }
static_resources:
  listeners:
    {{- include "epp.envoy.readyListener" . | nindent 4 }}
    - name: clients
      address:
        socket_address: {{ include "epp.envoy.listen" (list . 8081) }}
      per_connection_buffer_limit_bytes: 32768
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: clients
                codec_type: AUTO
                use_remote_address: true
                generate_request_id: true
                preserve_external_request_id: true
                server_header_transformation: PASS_THROUGH
                normalize_path: true
                merge_slashes: true
                path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT
                common_http_protocol_options:
                  headers_with_underscores_action: REJECT_REQUEST
                # An answer may take minutes and pause between tokens; the route sets no limit either.
                stream_idle_timeout: 3600s
                http2_protocol_options:
                  max_concurrent_streams: 100
                  initial_stream_window_size: 65536
                  initial_connection_window_size: 1048576
                upgrade_configs:
                  - upgrade_type: websocket
                route_config:
                  name: model_servers
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - match: { prefix: "/" }
                          route: { cluster: model_servers, timeout: 0s }
                http_filters:
                  # Only the EPP says where a request goes: a client's own destination header is dropped first.
                  - name: envoy.filters.http.header_mutation
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                      mutations:
                        request_mutations:
                          - remove: x-gateway-destination-endpoint
                  - name: envoy.filters.http.ext_proc
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
                      grpc_service:
                        envoy_grpc: { cluster_name: ext_proc, authority: "localhost:{{ $router.epp.extProcPort }}" }
                      # Without the EPP there is no destination.
                      failure_mode_allow: false
                      message_timeout: 1000s
                      processing_mode:
                        request_header_mode: SEND
                        response_header_mode: SEND
                        request_body_mode: FULL_DUPLEX_STREAMED
                        response_body_mode: FULL_DUPLEX_STREAMED
                        request_trailer_mode: SEND
                        response_trailer_mode: SEND
                      metadata_options:
                        forwarding_namespaces: { untyped: [envoy.lb, envoy.lb.subset_hint] }
                        receiving_namespaces: { untyped: [envoy.lb, envoy.lb.subset_hint] }
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                      suppress_envoy_headers: true
  clusters:
    # The address that the EPP wrote into the request is the address that Envoy connects to.
    - name: model_servers
      type: ORIGINAL_DST
      lb_policy: CLUSTER_PROVIDED
      connect_timeout: 5s
      original_dst_lb_config:
        use_http_header: true
        http_header_name: x-gateway-destination-endpoint
      {{- include "epp.envoy.breakers" . | nindent 6 }}
    {{- include "epp.envoy.extProc" . | nindent 4 }}
    - name: admin
      type: STATIC
      connect_timeout: 1s
      {{- include "epp.envoy.target" (list "admin" "127.0.0.1" 19000) | nindent 6 }}
{{- end }}

{{/* For the kubelet and for Prometheus. */}}
{{- define "epp.envoy.readyListener" -}}
- name: ready
  address:
    socket_address: {{ include "epp.envoy.listen" (list . 19001) }}
  filter_chains:
    - filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: ready
            route_config:
              name: admin
              virtual_hosts:
                - name: all
                  domains: ["*"]
                  routes:
                    - match: { prefix: /stats/prometheus }
                      route: { cluster: admin }
            http_filters:
              - name: envoy.filters.http.health_check
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck
                  pass_through_mode: false
                  headers:
                    - name: ":path"
                      string_match: { exact: /ready }
              - name: envoy.filters.http.router
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
{{- end }}

{{- define "epp.envoy.extProc" -}}
{{- $router := .Values.router }}
{{- $beside := ne $router.proxy.mode "service" -}}
- name: ext_proc
  type: {{ $beside | ternary "STATIC" "STRICT_DNS" }}
  lb_policy: LEAST_REQUEST
  connect_timeout: 5s
  {{- include "epp.envoy.breakers" . | nindent 2 }}
  # Answered by the EPP on its ext-proc port, because the chart sets --health-checking.
  health_checks:
    - timeout: 2s
      interval: 10s
      no_traffic_interval: 10s
      unhealthy_threshold: 3
      healthy_threshold: 2
      grpc_health_check: { service_name: envoy.service.ext_proc.v3.ExternalProcessor }
      tls_options: { alpn_protocols: [h2] }
  typed_extension_protocol_options:
    envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
      "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
      explicit_http_config:
        http2_protocol_options:
          initial_stream_window_size: 65536
          initial_connection_window_size: 1048576
  {{- include "epp.envoy.target" (list "ext_proc" ($beside | ternary "127.0.0.1" (include "epp.serviceHost" .)) $router.epp.extProcPort) | nindent 2 }}
  {{- if include "epp.secure" . }}
  # The EPP's certificate is its own, made at start, so Envoy encrypts but does not verify.
  transport_socket:
    name: envoy.transport_sockets.tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      common_tls_context: { alpn_protocols: [h2] }
  {{- end }}
{{- end }}

{{/* A socket address; takes (list root port). */}}
{{- define "epp.envoy.listen" -}}
{{- $root := index . 0 }}{{ $address := $root.Values.router.proxy.listenAddress -}}
{ address: {{ $address | quote }}, port_value: {{ index . 1 }}{{ if contains ":" $address }}, ipv4_compat: true{{ end }} }
{{- end }}

{{- define "epp.envoy.breakers" -}}
circuit_breakers:
  thresholds:
    - { max_connections: 40000, max_pending_requests: 40000, max_requests: 40000, max_retries: 1024 }
{{- end }}

{{/* A cluster's only address; takes (list cluster address port). */}}
{{- define "epp.envoy.target" -}}
load_assignment:
  cluster_name: {{ index . 0 }}
  endpoints:
    - lb_endpoints:
        - endpoint:
            address:
              socket_address: { address: {{ index . 1 | quote }}, port_value: {{ index . 2 }} }
{{- end }}
