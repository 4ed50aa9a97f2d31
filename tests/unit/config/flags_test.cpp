#include "config/flags.h"

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

CommandLine parse(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment = {}) {
  return parse_command_line(arguments, [&environment](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(std::string(name));
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

Options serve(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment = {}) {
  arguments.emplace_back("--pool-name=p");
  const CommandLine line = parse(std::move(arguments), environment);
  EXPECT_THAT(line.errors, IsEmpty());
  return line.options.value_or(Options{});
}

TEST(Flags, Defaults) {
  const Options o = serve({});
  EXPECT_EQ(o.command, Command::kServe);
  EXPECT_EQ(o.pool_name, "p");
  EXPECT_EQ(o.pool_namespace, "default");
  EXPECT_EQ(o.pool_group, "inference.networking.k8s.io");
  EXPECT_EQ(o.grpc_port, 9002);
  EXPECT_EQ(o.grpc_health_port, 9003);
  EXPECT_EQ(o.metrics_port, 9090);
  EXPECT_TRUE(o.secure_serving);
  EXPECT_TRUE(o.metrics_endpoint_auth);
  EXPECT_TRUE(o.enable_pprof);
  EXPECT_TRUE(o.tracing);
  EXPECT_TRUE(o.splice_model_name);
  EXPECT_FALSE(o.stream_responses);
  EXPECT_FALSE(o.leader_election);
  EXPECT_EQ(o.drain_timeout, 30s);
  EXPECT_EQ(o.refresh_metrics_interval, 50ms);
  EXPECT_EQ(o.refresh_prometheus_metrics_interval, 5s);
  EXPECT_EQ(o.metrics_staleness_threshold, 2s);
  EXPECT_EQ(o.verbosity, 2);
  EXPECT_EQ(o.max_request_body_bytes, 64 << 20);
  EXPECT_EQ(o.max_buffered_bytes, 1 << 30);
  EXPECT_EQ(o.grpc_max_recv_msg_size, 0);
  EXPECT_EQ(o.log_format, LogFormat::kJson);
}

TEST(Flags, PflagHabits) {
  EXPECT_EQ(serve({"-v=4"}).verbosity, 4);
  EXPECT_EQ(serve({"-v", "4"}).verbosity, 4);
  EXPECT_EQ(serve({"--v=4"}).verbosity, 4);
  EXPECT_EQ(serve({"--v", "0x5"}).verbosity, 5);
  EXPECT_EQ(serve({"--v=-3"}).verbosity, 2);
  EXPECT_EQ(serve({"--v", "-3"}).verbosity, 2);
  EXPECT_FALSE(serve({"--tracing=false"}).tracing);
  EXPECT_TRUE(serve({"--tracing=false", "--tracing"}).tracing);
  EXPECT_EQ(serve({"--grpc-port=1", "--grpc-port", "2"}).grpc_port, 2);
  EXPECT_EQ(serve({"--config-text=", "--config-file=f"}).config_file, "f");
  EXPECT_EQ(serve({"--config-text", ""}).config_text, "");
  EXPECT_EQ(serve({"--config-text=--v=3"}).config_text, "--v=3");
  EXPECT_EQ(serve({"--config-text", "-a: [1]"}).config_text, "-a: [1]");
  EXPECT_EQ(serve({"--config-text", "[a, b]"}).config_text, "[a, b]");
  EXPECT_EQ(serve({"--pool-group="}).pool_group, "");
  EXPECT_EQ(serve({"--drain-timeout=0"}).drain_timeout, 0s);
}

TEST(Flags, UpstreamFlags) {
  const Options o = serve({"--grpc-port=1",
                           "--grpc-health-port=2",
                           "--metrics-port=3",
                           "--secure-serving=false",
                           "--cert-path=/c",
                           "--enable-cert-reload",
                           "--tls-min-version=VersionTLS13",
                           "--tls-cipher-suites= A , ,B",
                           "--tls-cipher-suites=C",
                           "--health-checking",
                           "--grpc-max-recv-msg-size=10MiB",
                           "--grpc-max-send-msg-size=20M",
                           "--enable-grpc-stream-metrics",
                           "--emit-endpoint-scores",
                           "--disable-endpoint-subset-filter",
                           "--allow-experimental-plugins",
                           "--ha-enable-leader-election",
                           "--metrics-endpoint-auth=false",
                           "--enable-pprof=false",
                           "--pool-namespace=ns",
                           "--metrics-staleness-threshold=1s",
                           "--refresh-prometheus-metrics-interval=1m",
                           "--zap-devel",
                           "--zap-encoder",
                           "json",
                           "--zap-log-level=Debug",
                           "--zap-stacktrace-level=error",
                           "--zap-time-encoding=epoch"});
  EXPECT_EQ(o.grpc_port, 1);
  EXPECT_EQ(o.grpc_health_port, 2);
  EXPECT_EQ(o.metrics_port, 3);
  EXPECT_FALSE(o.secure_serving);
  EXPECT_EQ(o.cert_path, "/c");
  EXPECT_TRUE(o.enable_cert_reload);
  EXPECT_EQ(o.tls_min_version, "VersionTLS13");
  EXPECT_THAT(o.tls_cipher_suites, ElementsAre("A", "B", "C"));
  EXPECT_TRUE(o.health_checking);
  EXPECT_EQ(o.grpc_max_recv_msg_size, 10485760);
  EXPECT_EQ(o.grpc_max_send_msg_size, 20000000);
  EXPECT_TRUE(o.enable_grpc_stream_metrics);
  EXPECT_TRUE(o.emit_endpoint_scores);
  EXPECT_TRUE(o.disable_endpoint_subset_filter);
  EXPECT_TRUE(o.allow_experimental_plugins);
  EXPECT_TRUE(o.leader_election);
  EXPECT_FALSE(o.metrics_endpoint_auth);
  EXPECT_FALSE(o.enable_pprof);
  EXPECT_EQ(o.pool_namespace, "ns");
  EXPECT_EQ(o.metrics_staleness_threshold, 1s);
  EXPECT_EQ(o.refresh_prometheus_metrics_interval, 60s);
  EXPECT_EQ(o.zap_log_level, "debug");
}

TEST(Flags, OurFlags) {
  const Options o = serve(
      {"--plugin-dir=/a", "--plugin-dir", "/b", "--max-request-body-bytes=1Ki", "--max-buffered-bytes=2Mi",
       "--splice-model-name=false", "--stream-responses", "--log-format=text", "--io-threads=3", "--extproc-threads=4",
       "--reuse-port", "--strict-subset-ports", "--strict-path-suffix", "--bind-address=127.0.0.1"},
      {{"EPP_PLUGIN_PATH", "/c::/d"}, {"NAMESPACE", "from-env"}});
  EXPECT_THAT(o.plugin_directories, ElementsAre("/a", "/b", "/c", "/d"));
  EXPECT_EQ(o.pool_namespace, "from-env");
  EXPECT_EQ(o.max_request_body_bytes, 1024);
  EXPECT_EQ(o.max_buffered_bytes, 2 << 20);
  EXPECT_FALSE(o.splice_model_name);
  EXPECT_TRUE(o.stream_responses);
  EXPECT_EQ(o.log_format, LogFormat::kText);
  EXPECT_EQ(o.io_threads, 3);
  EXPECT_EQ(o.extproc_threads, 4);
  EXPECT_TRUE(o.reuse_port);
  EXPECT_TRUE(o.strict_subset_ports);
  EXPECT_TRUE(o.strict_path_suffix);
  EXPECT_EQ(o.bind_address, "127.0.0.1");
}

TEST(Flags, ShortScrapeIntervalsAreRaised) {
  const Options o = serve({"--refresh-metrics-interval=10ms"});
  EXPECT_EQ(o.refresh_metrics_interval, 50ms);
  EXPECT_THAT(o.warnings, ElementsAre(HasSubstr("refresh-metrics-interval 10ms")));
}

TEST(Flags, Refusals) {
  struct Case {
    std::vector<std::string> arguments;
    const char* error;
  };
  const Case cases[] = {
      {{"--grpc-port=x"},
       R"(invalid argument "x" for "--grpc-port" flag: strconv.ParseInt: parsing "x": invalid syntax)"},
      {{"--grpc-port="}, R"(invalid argument "" for "--grpc-port" flag: strconv.ParseInt: parsing "": invalid syntax)"},
      {{"--grpc-port=99999"}, R"(invalid argument "99999" for "--grpc-port" flag: port 99999 is not from 0 to 65535)"},
      {{"-v=x"}, R"(invalid argument "x" for "-v, --v" flag: strconv.ParseInt: parsing "x": invalid syntax)"},
      {{"--tracing=yes"},
       R"(invalid argument "yes" for "--tracing" flag: strconv.ParseBool: parsing "yes": invalid syntax)"},
      {{"--drain-timeout=60"},
       R"(invalid argument "60" for "--drain-timeout" flag: time: missing unit in duration "60")"},
      {{"--grpc-max-recv-msg-size=-1"},
       R"(invalid argument "-1" for "--grpc-max-recv-msg-size" flag: must be non-negative)"},
      {{"--zap-log-level=loud"}, R"(invalid argument "loud" for "--zap-log-level" flag: invalid log level "loud")"},
      {{"--log-format=xml"}, R"(invalid argument "xml" for "--log-format" flag: must be json or text)"},
      {{"--endpoint-target-ports=1,x"},
       R"(invalid argument "1,x" for "--endpoint-target-ports" flag: strconv.Atoi: parsing "x": invalid syntax)"},
      {{"--nope"}, "unknown flag: --nope"},
      {{"--grpc-port"}, "flag needs an argument: --grpc-port"},
      {{"fly"}, "unknown command \"fly\" for \"epp\""},
      {{"--", "--tracing=false"}, "unknown command \"--tracing=false\" for \"epp\""},
  };
  for (const auto& c : cases) {
    auto arguments = c.arguments;
    arguments.insert(arguments.begin(), "--pool-name=p");
    const CommandLine line = parse(arguments);
    EXPECT_THAT(line.errors, ElementsAre(c.error)) << ::testing::PrintToString(c.arguments);
    EXPECT_EQ(line.exit_code, 1);
    EXPECT_FALSE(line.options.has_value());
  }
}

TEST(Flags, EveryRefusalIsReported) {
  EXPECT_EQ(parse({"--grpc-port=x", "--metrics-port=y", "--nope", "--tracing=z"}).errors.size(), 4U);
}

TEST(Flags, RemovedMetricFlags) {
  for (const char* name : {"total-queued-requests-metric", "total-running-requests-metric",
                           "kv-cache-usage-percentage-metric", "lora-info-metric", "cache-info-metric"}) {
    EXPECT_THAT(parse({"--pool-name=p", std::string("--") + name + "=x"}).errors,
                ElementsAre("flag \"" + std::string(name) +
                            "\" is deprecated and cannot be used; configure metrics via engineConfigs in "
                            "EndpointPickerConfig instead"));
  }
}

TEST(Flags, PoolOrSelector) {
  constexpr const char* kNeither = "either pool-name or endpoint-selector must be set";
  EXPECT_THAT(parse({}).errors, ElementsAre(kNeither));
  EXPECT_THAT(parse({"--pool-name=p", "--endpoint-selector=a=b", "--endpoint-target-ports=1"}).errors,
              ElementsAre(kNeither));
  EXPECT_THAT(parse({"--endpoint-selector=a=b"}).errors,
              ElementsAre("flag \"endpoint-target-ports\" should have length from 1 to 8"));
  EXPECT_THAT(parse({"--endpoint-selector=a=b", "--endpoint-target-ports=1,2,3,4,5,6,7,8,9"}).errors,
              ElementsAre("flag \"endpoint-target-ports\" should have length from 1 to 8"));
  const CommandLine line =
      parse({"--endpoint-selector=a=b", "--endpoint-target-ports=8000,8000", "--endpoint-target-ports", "8001"});
  ASSERT_TRUE(line.options.has_value());
  EXPECT_THAT(line.options->endpoint_target_ports, ElementsAre(8000, 8001));
}

TEST(KubernetesWeakSpot, W19_PortZeroIsRefused) {
  EXPECT_THAT(parse({"--endpoint-selector=a=b", "--endpoint-target-ports=8000,0"}).errors,
              ElementsAre(HasSubstr("port 0 is not from 1 to 65535")));
}

TEST(Flags, Cluster) {
  const Options defaults = serve({});
  EXPECT_EQ(defaults.kube_api_qps, 50);
  EXPECT_EQ(defaults.kube_api_burst, 100);
  EXPECT_EQ(defaults.kube_watch_idle_timeout, 60s);
  EXPECT_EQ(defaults.kube_dead_peer_timeout, 30s);
  EXPECT_EQ(defaults.lease_duration, 15s);
  EXPECT_EQ(defaults.renew_deadline, 10s);
  EXPECT_EQ(defaults.retry_period, 2s);
  EXPECT_TRUE(defaults.exit_on_lost_lease);
  EXPECT_FALSE(defaults.follower_refuses);

  const Options o = serve({"--kubeconfig=/k", "--kube-context", "c", "--kube-api-qps=5", "--kube-api-burst=6",
                           "--kube-watch-idle-timeout=2s", "--kube-dead-peer-timeout=0", "--ha-lease-duration=3s",
                           "--ha-renew-deadline=2s", "--ha-retry-period=1s", "--ha-exit-on-lost-lease=false",
                           "--ha-follower-refuses"});
  EXPECT_EQ(o.kubeconfig, "/k");
  EXPECT_EQ(o.kube_context, "c");
  EXPECT_EQ(o.kube_api_qps, 5);
  EXPECT_EQ(o.kube_api_burst, 6);
  EXPECT_EQ(o.kube_watch_idle_timeout, 2s);
  EXPECT_EQ(o.kube_dead_peer_timeout, 0s);
  EXPECT_EQ(o.lease_duration, 3s);
  EXPECT_EQ(o.renew_deadline, 2s);
  EXPECT_EQ(o.retry_period, 1s);
  EXPECT_FALSE(o.exit_on_lost_lease);
  EXPECT_TRUE(o.follower_refuses);
}

TEST(Flags, TimesThatCannotBe) {
  const std::vector<std::pair<std::string, const char*>> cases{
      {"--ha-retry-period=0", "ha-retry-period must be positive"},
      {"--ha-retry-period=9s", "ha-renew-deadline must be greater than 1.2 times ha-retry-period"},
      {"--ha-lease-duration=10s", "ha-lease-duration must be greater than ha-renew-deadline"},
      {"--kube-watch-idle-timeout=1s", "kube-watch-idle-timeout must be at least 2s"},
      {"--kube-dead-peer-timeout=-1s", "kube-dead-peer-timeout must not be negative"},
  };
  for (const auto& [flag, text] : cases)
    EXPECT_THAT(parse({"--pool-name=p", flag}).errors, ElementsAre(text)) << flag;
  EXPECT_THAT(parse({"--pool-name=p", "--kube-api-qps=0"}).errors, ElementsAre(HasSubstr("0 is not from 1 to 100000")));
}

TEST(DatalayerCheck, C26_FileModeWithoutPoolName) {
  const CommandLine line = parse({"--config-text", "dataLayer: {discovery: {pluginRef: file-discovery}}"});
  EXPECT_THAT(line.errors, ElementsAre("either pool-name or endpoint-selector must be set"));
}

TEST(DatalayerCheck, C38_ClientAuthorityWithoutCertificates) {
  EXPECT_THAT(parse({"--pool-name=p", "--metrics-client-ca-file=/ca"}).errors,
              ElementsAre("\"metrics-client-ca-file\" requires \"metrics-cert-dir\""));
  const auto errors =
      parse({"--pool-name=p", "--metrics-cert-dir=/does/not/exist", "--metrics-endpoint-auth=false"}).errors;
  EXPECT_THAT(errors, Contains(HasSubstr("\"metrics-cert-dir\" enables metrics TLS without authentication; set")));
  EXPECT_THAT(errors, Contains("metrics TLS cert file unreadable: /does/not/exist/tls.crt: No such file or directory"));
}

TEST(Flags, TlsVersion) {
  EXPECT_THAT(parse({"--pool-name=p", "--tls-min-version=VersionTLS14"}).errors,
              ElementsAre("unknown tls version \"VersionTLS14\""));
}

TEST(Flags, StaticEndpoints) {
  const CommandLine line =
      parse({"--endpoint=a=10.0.0.1:8000,llm-d.ai/role=decode,x=", "--endpoint", "[::1]:80", "--endpoint=host:65535"});
  ASSERT_TRUE(line.options.has_value()) << ::testing::PrintToString(line.errors);
  const auto& endpoints = line.options->endpoints;
  ASSERT_EQ(endpoints.size(), 3U);
  EXPECT_EQ(endpoints[0].name, "a");
  EXPECT_EQ(endpoints[0].host, "10.0.0.1");
  EXPECT_EQ(endpoints[0].port, 8000);
  EXPECT_THAT(endpoints[0].labels, ElementsAre(std::pair("llm-d.ai/role", "decode"), std::pair("x", "")));
  EXPECT_EQ(endpoints[1].name, "[::1]:80");
  EXPECT_EQ(endpoints[1].host, "::1");
  EXPECT_EQ(endpoints[2].host, "host");
  EXPECT_EQ(endpoints[2].port, 65535);
  for (const char* bad :
       {"", "a", "a=", "=h:1", "h:0", "h:70000", "h:x", ":1", "::1:80", "h:1,x", "h:1,=v", "h:1,a=1,a=2"}) {
    EXPECT_EQ(parse({std::string("--endpoint=") + bad}).errors.size(), 1U) << bad;
  }
  EXPECT_EQ(parse({"--endpoint=a=h:1", "--endpoint=a=h:2"}).errors.size(), 1U);
  EXPECT_EQ(parse({"--endpoint=a=h:1", "--endpoint-selector=x=y"}).errors.size(), 1U);
}

TEST(Flags, Commands) {
  EXPECT_EQ(parse({"run", "--pool-name=p"}).options->command, Command::kServe);
  EXPECT_EQ(parse({"schema"}).options->command, Command::kSchema);
  EXPECT_EQ(parse({"version"}).options->command, Command::kVersion);
  EXPECT_EQ(parse({"plugins", "list"}).options->command, Command::kPluginsList);
  const auto describe = parse({"--plugin-dir=/x", "plugins", "-v=3", "describe", "queue-scorer"}).options;
  ASSERT_TRUE(describe.has_value());
  EXPECT_EQ(describe->command, Command::kPluginsDescribe);
  EXPECT_EQ(describe->plugin_type, "queue-scorer");
  EXPECT_EQ(describe->verbosity, 3);
  EXPECT_THAT(describe->plugin_directories, ElementsAre("/x"));
  const auto validate = parse({"validate", "--config-file", "f", "--print"}).options;
  ASSERT_TRUE(validate.has_value());
  EXPECT_EQ(validate->command, Command::kValidate);
  EXPECT_EQ(validate->config_file, "f");
  EXPECT_TRUE(validate->print_effective);
  const auto make = parse({"plugins", "new", "mine", "--lang=rust", "--kind", "filter", "--output=/y"}).options;
  ASSERT_TRUE(make.has_value());
  EXPECT_EQ(make->command, Command::kPluginsNew);
  EXPECT_EQ(make->plugin_type, "mine");
  EXPECT_EQ(make->skeleton_language, "rust");
  EXPECT_EQ(make->skeleton_kind, "filter");
  EXPECT_EQ(make->output, "/y");
  for (const std::vector<std::string>& bad : {std::vector<std::string>{"plugins"},
                                              {"plugins", "describe"},
                                              {"plugins", "new"},
                                              {"plugins", "new", "mine", "--lang=pascal"},
                                              {"plugins", "new", "mine", "--lang=c", "--kind=parser"},
                                              {"schema", "version"},
                                              {"plugins", "list", "x"}}) {
    EXPECT_FALSE(parse(bad).options.has_value()) << ::testing::PrintToString(bad);
    EXPECT_EQ(parse(bad).exit_code, 1);
  }
}

TEST(Flags, Help) {
  const CommandLine line = parse({"--help"});
  EXPECT_FALSE(line.options.has_value());
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_THAT(line.output, HasSubstr("--pool-name"));
  EXPECT_THAT(line.output, HasSubstr("validate"));
  EXPECT_THAT(line.output, ::testing::Not(HasSubstr("lora-info-metric")));
  EXPECT_THAT(parse({"plugins", "describe", "-h"}).output, HasSubstr("TYPE"));
}

}  // namespace
}  // namespace epp::config
