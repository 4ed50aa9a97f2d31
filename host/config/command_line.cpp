#include "config/flag_values.h"
#include "config/flags.h"
#include "config/go_duration.h"
#include "config/pflag_argv.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <utility>

#include <CLI/CLI.hpp>

namespace epp::config {
namespace {

using Parser = std::function<Refusal(const std::string& text)>;

constexpr std::array<const char*, 5> kRemovedFlags{"total-queued-requests-metric", "total-running-requests-metric",
                                                   "kv-cache-usage-percentage-metric", "lora-info-metric",
                                                   "cache-info-metric"};

std::string default_text(bool value) {
  return value ? "true" : "false";
}
std::string default_text(std::uint16_t value) {
  return std::to_string(value);
}
std::string default_text(std::chrono::nanoseconds value) {
  return format_duration(value);
}

// Declares flags to CLI11, for parsing and help, and their shapes to the rewriting of argv. Values arrive as text,
// so that their refusals are worded as upstream words them.
class FlagSet {
 public:
  FlagSet(CLI::App& app, std::vector<std::string>& errors) : app_(app), errors_(errors) {}

  const std::vector<FlagShape>& shapes() const { return shapes_; }

  template <typename T>
  void value(const std::string& name, T& out, const std::string& help) {
    constexpr bool kBoolean = std::is_same_v<T, bool>;
    add({name, '\0', kBoolean, false}, help, [&out](const std::string& text) {
      return parse_flag(text, out);
    })->default_str(default_text(out));
  }
  void text(const std::string& name, std::string& out, const std::string& help) {
    add({name, '\0', false, false}, help, [&out](const std::string& value) -> Refusal {
      out = value;
      return std::nullopt;
    })->default_str(out);
  }
  void size(const std::string& name, std::int64_t& out, const std::string& help) {
    add({name, '\0', false, false}, help, [&out](const std::string& value) { return parse_size_flag(value, out); });
  }
  CLI::Option* add(FlagShape shape, const std::string& help, Parser parse) {
    std::string names = "--" + shape.name;
    std::string shown = names;
    if (shape.shorthand != '\0') {
      const std::string brief = std::string("-") + shape.shorthand;
      names = brief + "," + names;
      shown = brief + ", " + shown;
    }
    CLI::Option* option = app_.add_option(
        names,
        [this, shown, parse = std::move(parse)](const CLI::results_t& values) {
          for (const auto& value : values) {
            if (const auto refusal = parse(value)) {
              errors_.push_back("invalid argument \"" + value + "\" for \"" + shown + "\" flag: " + *refusal);
            }
          }
          return true;
        },
        help);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->type_name(shape.boolean ? "BOOL" : "VALUE");
    shapes_.push_back(std::move(shape));
    return option;
  }

 private:
  CLI::App& app_;
  std::vector<std::string>& errors_;
  std::vector<FlagShape> shapes_;
};

Refusal parse_log_level(const std::string& text, std::string& out) {
  static constexpr std::array<std::string_view, 4> kNames{"debug", "info", "error", "panic"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  std::int64_t level = 0;
  const bool named = std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
  if (!named && (parse_flag(text, level) || level <= 0)) return "invalid log level \"" + text + "\"";
  out = named ? lower : text;
  return std::nullopt;
}

Parser bounded_integer(int& out, std::int64_t low, std::int64_t high) {
  return [&out, low, high](const std::string& text) -> Refusal {
    std::int64_t value = 0;
    if (auto refusal = parse_flag(text, value)) return refusal;
    if (value < low || value > high) {
      return std::to_string(value) + " is not from " + std::to_string(low) + " to " + std::to_string(high);
    }
    out = static_cast<int>(value);
    return std::nullopt;
  };
}

Parser append_to(std::vector<std::string>& out) {
  return [&out](const std::string& text) -> Refusal {
    out.push_back(text);
    return std::nullopt;
  };
}

// Comma lists; blanks around items and empty items are dropped.
Parser append_items_to(std::vector<std::string>& out) {
  return [&out](const std::string& text) -> Refusal {
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      std::string_view item = rest.substr(0, comma);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
      while (item.starts_with(' '))
        item.remove_prefix(1);
      while (item.ends_with(' '))
        item.remove_suffix(1);
      if (!item.empty()) out.emplace_back(item);
    }
    return std::nullopt;
  };
}

void declare_configuration(FlagSet& flags, Options& o) {
  flags.text("config-file", o.config_file, "Configuration file, JSON or YAML");
  flags.text("config-text", o.config_text, "Configuration as text, instead of a file");
  flags.value("watch-config-file", o.watch_config_file,
              "Reload when the configuration file or a plugin library changes");
  flags.value("allow-experimental-plugins", o.allow_experimental_plugins, "Allow plugins of Alpha stability");
  flags.add({"plugin-dir", '\0', false, true}, "Directory with plugin libraries (repeatable)",
            append_to(o.plugin_directories));
  flags.value("plugin-call-budget", o.plugin_call_budget, "How long a plugin's call may take; 0: as long as it likes");
}

void declare_pool(FlagSet& flags, Options& o) {
  flags.text("pool-name", o.pool_name, "Name of the InferencePool");
  flags.text("pool-namespace", o.pool_namespace, "Namespace of the pool; default $NAMESPACE, else \"default\"");
  flags.text("pool-group", o.pool_group, "API group of the pool");
  flags.text("endpoint-selector", o.endpoint_selector, "Label selector for endpoint pods, instead of a pool");
  flags.add({"endpoint-target-ports", '\0', false, true}, "Ports of the selected pods, comma separated",
            [&o](const std::string& text) { return parse_ports_flag(text, o.endpoint_target_ports); });
  flags.add({"endpoint", '\0', false, true},
            "A fixed endpoint, name=host:port[,label=value...] (repeatable); no cluster is used",
            [&o](const std::string& text) { return parse_endpoint_flag(text, o.endpoints); });
  flags.value("disable-endpoint-subset-filter", o.disable_endpoint_subset_filter, "Ignore the proxy's endpoint subset");
  flags.value("strict-subset-ports", o.strict_subset_ports, "Compare ports, too, when a subset names them");
}

void declare_cluster(FlagSet& flags, Options& o) {
  constexpr int kMostRequests = 100'000;
  flags.text("kubeconfig", o.kubeconfig, "Kubeconfig; default $KUBECONFIG, the service account, ~/.kube/config");
  flags.text("kube-context", o.kube_context, "Context of the kubeconfig; its current one when empty");
  flags
      .add({"kube-api-qps", '\0', false, false}, "Requests per second to the API server",
           bounded_integer(o.kube_api_qps, 1, kMostRequests))
      ->default_str(std::to_string(o.kube_api_qps));
  flags
      .add({"kube-api-burst", '\0', false, false}, "Requests to the API server that may come at once",
           bounded_integer(o.kube_api_burst, 1, kMostRequests))
      ->default_str(std::to_string(o.kube_api_burst));
  flags.value("kube-watch-idle-timeout", o.kube_watch_idle_timeout, "Longest silence of a watch, at least 2s");
  flags.value("kube-dead-peer-timeout", o.kube_dead_peer_timeout,
              "Longest time that the API server acknowledges nothing; 0: the system's");
  flags.value("ha-enable-leader-election", o.leader_election, "Elect one ready replica");
  flags.value("ha-lease-duration", o.lease_duration, "How long the others leave a silent leader its lease");
  flags.value("ha-renew-deadline", o.renew_deadline, "A leader that cannot renew for so long has lost");
  flags.value("ha-retry-period", o.retry_period, "Time between attempts to get or renew the lease");
  flags.value("ha-exit-on-lost-lease", o.exit_on_lost_lease, "A leader that lost its lease ends, else it follows");
  flags.value("ha-follower-refuses", o.follower_refuses, "Followers answer new requests with 503");
}

void declare_listeners(FlagSet& flags, Options& o) {
  flags.text("bind-address", o.bind_address, "Address of all listeners; every address when empty");
  flags.value("grpc-port", o.grpc_port, "ext-proc port");
  flags.value("grpc-health-port", o.grpc_health_port, "gRPC health port");
  flags.value("metrics-port", o.metrics_port, "Metrics and admin port");
  flags.value("reuse-port", o.reuse_port, "Let several processes listen on one ext-proc port");
  flags.value("secure-serving", o.secure_serving, "TLS on the ext-proc port");
  flags.text("cert-path", o.cert_path, "Directory with tls.crt and tls.key; self-signed when empty");
  flags.value("enable-cert-reload", o.enable_cert_reload, "Reload certificates when they change");
  flags.text("tls-min-version", o.tls_min_version, "VersionTLS10, VersionTLS11, VersionTLS12 or VersionTLS13");
  flags.add({"tls-cipher-suites", '\0', false, true}, "Cipher suites up to TLS 1.2, comma separated",
            append_items_to(o.tls_cipher_suites));
  flags.value("health-checking", o.health_checking, "Health service on the ext-proc port, too");
  flags.size("grpc-max-recv-msg-size", o.grpc_max_recv_msg_size, "Largest gRPC message received; default 4Mi");
  flags.size("grpc-max-send-msg-size", o.grpc_max_send_msg_size, "Largest gRPC message sent; default 2Gi-1");
  flags.value("drain-timeout", o.drain_timeout, "How long to serve on after a signal to stop");
}

void declare_metrics(FlagSet& flags, Options& o) {
  flags.value("metrics-endpoint-auth", o.metrics_endpoint_auth, "Ask for a bearer token on the metrics port");
  flags.text("metrics-cert-dir", o.metrics_cert_dir, "Directory with tls.crt and tls.key for the metrics port");
  flags.text("metrics-client-ca-file", o.metrics_client_ca_file, "CA of client certificates on the metrics port");
  flags.value("enable-pprof", o.enable_pprof, "Profiling handlers on the metrics port");
  flags.value("enable-grpc-stream-metrics", o.enable_grpc_stream_metrics, "Metrics of ext-proc streams");
  flags.value("refresh-metrics-interval", o.refresh_metrics_interval, "Scrape interval, at least 50ms");
  flags.value("refresh-prometheus-metrics-interval", o.refresh_prometheus_metrics_interval, "Pool gauge interval");
  flags.value("metrics-staleness-threshold", o.metrics_staleness_threshold, "Age at which metrics are stale");
}

void declare_request_path(FlagSet& flags, Options& o) {
  flags.value("emit-endpoint-scores", o.emit_endpoint_scores, "Endpoint scores in dynamic metadata");
  flags.size("max-request-body-bytes", o.max_request_body_bytes, "Largest request body; default 64Mi");
  flags.size("max-buffered-bytes", o.max_buffered_bytes, "Bytes held for all streams together; default 1Gi");
  flags.value("splice-model-name", o.splice_model_name,
              "Replace the model name in place; false re-serialises the body");
  flags.value("stream-responses", o.stream_responses, "Forward each chunk of a response instead of holding it");
  flags.value("strict-path-suffix", o.strict_path_suffix, "Match path suffixes at segment borders only");
}

void declare_process(FlagSet& flags, Options& o) {
  constexpr int kMaxThreads = 1024;
  flags
      .add({"v", 'v', false, false}, "Verbosity: 2 default, 3 verbose, 4 debug, 5 trace",
           bounded_integer(o.verbosity, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()))
      ->default_str(std::to_string(o.verbosity));
  flags
      .add({"log-format", '\0', false, false}, "json or text",
           [&o](const std::string& text) -> Refusal {
             if (text != "json" && text != "text") return "must be json or text";
             o.log_format = text == "json" ? LogFormat::kJson : LogFormat::kText;
             return std::nullopt;
           })
      ->default_str("json");
  flags.value("tracing", o.tracing, "OpenTelemetry tracing");
  flags.add({"io-threads", '\0', false, false}, "Threads for scraping, discovery and admin; 0: chosen by the host",
            bounded_integer(o.io_threads, 0, kMaxThreads));
  flags.add({"extproc-threads", '\0', false, false}, "Threads for ext-proc streams; 0: chosen by the host",
            bounded_integer(o.extproc_threads, 0, kMaxThreads));
  flags.add({"zap-log-level", '\0', false, false}, "debug, info, error, panic or a verbosity; overrides -v",
            [&o](const std::string& text) { return parse_log_level(text, o.zap_log_level); });
}

// Flags that are accepted or refused whatever their value.
void declare_without_effect(FlagSet& flags, std::vector<std::string>& errors) {
  const Parser ignore = [](const std::string&) -> Refusal { return std::nullopt; };
  flags.add({"zap-devel", '\0', true, false}, "No effect", ignore);
  for (const char* name : {"zap-encoder", "zap-stacktrace-level", "zap-time-encoding"}) {
    flags.add({name, '\0', false, false}, "No effect", ignore);
  }
  for (const char* name : kRemovedFlags) {
    flags
        .add({name, '\0', false, false}, "Removed",
             [&errors, name](const std::string&) -> Refusal {
               errors.push_back("flag \"" + std::string(name) +
                                "\" is deprecated and cannot be used; configure metrics via engineConfigs in "
                                "EndpointPickerConfig instead");
               return std::nullopt;
             })
        ->group("");
  }
}

Parser one_of(std::string& out, std::vector<std::string> choices) {
  return [&out, choices = std::move(choices)](const std::string& text) -> Refusal {
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) {
      out = text;
      return std::nullopt;
    }
    std::string all;
    for (const std::string& choice : choices)
      all += (all.empty() ? "" : ", ") + choice;
    return "must be one of " + all;
  };
}

void declare_command_flags(FlagSet& flags, Options& o) {
  flags.value("print", o.print_effective, "validate: print the effective configuration");
  flags.add({"lang", '\0', false, false}, "plugins new: c, cpp or rust",
            one_of(o.skeleton_language, {"c", "cpp", "rust"}));
  flags
      .add({"kind", '\0', false, false}, "plugins new: scorer, filter or picker",
           one_of(o.skeleton_kind, {"scorer", "filter", "picker"}))
      ->default_str(o.skeleton_kind);
  flags.text("output", o.output, "plugins new: directory to make; default ./NAME");
}

struct Commands {
  CLI::App* validate = nullptr;
  CLI::App* plugins = nullptr;
  CLI::App* list = nullptr;
  CLI::App* describe = nullptr;
  CLI::App* make = nullptr;
  CLI::App* schema = nullptr;
  CLI::App* version = nullptr;
};

Commands declare_commands(CLI::App& app, Options& options) {
  Commands commands;
  const auto add = [](CLI::App& parent, const char* name, const char* help) {
    return parent.add_subcommand(name, help)->fallthrough();
  };
  app.require_subcommand(0, 1);
  add(app, "run", "Serve (the default)");
  commands.validate = add(app, "validate", "Check the configuration, report every error");
  commands.plugins = add(app, "plugins", "Available plugin types")->require_subcommand(1);
  commands.list = add(*commands.plugins, "list", "List plugin types");
  commands.describe = add(*commands.plugins, "describe", "Describe a plugin type and its parameters");
  commands.describe->add_option("TYPE", options.plugin_type, "Plugin type")->required();
  commands.make = add(*commands.plugins, "new", "Write the skeleton of a plugin, in C, C++ or Rust");
  commands.make->add_option("NAME", options.plugin_type, "Name of the plugin type, as in my-scorer")->required();
  commands.schema = add(app, "schema", "Print the JSON Schema of the configuration");
  commands.version = add(app, "version", "Print the version");
  return commands;
}

Command chosen(const Commands& commands) {
  if (commands.validate->parsed()) return Command::kValidate;
  if (commands.list->parsed()) return Command::kPluginsList;
  if (commands.describe->parsed()) return Command::kPluginsDescribe;
  if (commands.make->parsed()) return Command::kPluginsNew;
  if (commands.schema->parsed()) return Command::kSchema;
  if (commands.version->parsed()) return Command::kVersion;
  return Command::kServe;
}

// Help of the deepest command that the words name.
std::string help_text(CLI::App& app, const std::vector<std::string>& words) {
  CLI::App* at = &app;
  for (const auto& word : words) {
    const auto named = at->get_subcommands([&word](const CLI::App* sub) { return sub->get_name() == word; });
    if (named.empty()) break;
    at = named.front();
  }
  return at->help(at == &app ? "" : app.get_name());
}

std::string unknown_command(const std::string& word) {
  return "unknown command \"" + word + "\" for \"epp\"";
}

void complete(Options& options, const Environment& environment) {
  if (options.pool_namespace.empty()) options.pool_namespace = environment("NAMESPACE").value_or("");
  if (options.pool_namespace.empty()) options.pool_namespace = "default";

  const std::string path = environment("EPP_PLUGIN_PATH").value_or("");
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    if (end != begin) options.plugin_directories.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }

  constexpr auto kShortestInterval = std::chrono::milliseconds(50);
  if (options.refresh_metrics_interval < kShortestInterval) {
    options.warnings.push_back("refresh-metrics-interval " + format_duration(options.refresh_metrics_interval) +
                               " is below the minimum, using " + format_duration(kShortestInterval));
    options.refresh_metrics_interval = kShortestInterval;
  }
  if (options.verbosity < 0) options.verbosity = Options{}.verbosity;
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

CommandLine parse_command_line(const std::vector<std::string>& arguments, const Environment& environment) {
  CommandLine result;
  Options options;
  CLI::App app("Endpoint picker for LLM inference", "epp");
  app.set_help_flag();
  FlagSet flags(app, result.errors);
  declare_configuration(flags, options);
  declare_pool(flags, options);
  declare_cluster(flags, options);
  declare_listeners(flags, options);
  declare_metrics(flags, options);
  declare_request_path(flags, options);
  declare_process(flags, options);
  declare_without_effect(flags, result.errors);
  declare_command_flags(flags, options);
  const Commands commands = declare_commands(app, options);

  RewrittenArguments rewritten = rewrite_arguments(arguments, flags.shapes());
  if (rewritten.help) {
    result.output = help_text(app, rewritten.words);
    return result;
  }
  result.errors = std::move(rewritten.errors);
  result.exit_code = 1;
  // Behind a `--` everything is a word, but CLI11 would take this one for a flag.
  const auto dashed = std::find_if(rewritten.words.begin(), rewritten.words.end(),
                                   [](const std::string& word) { return word.starts_with('-'); });
  if (dashed != rewritten.words.end()) {
    result.errors.push_back(unknown_command(*dashed));
    return result;
  }
  try {
    std::vector<std::string> reversed = rewritten.arguments();
    std::reverse(reversed.begin(), reversed.end());  // CLI11 takes arguments from the back
    app.parse(std::move(reversed));
  } catch (const CLI::ExtrasError&) {
    result.errors.push_back(unknown_command(rewritten.words.empty() ? "" : rewritten.words.front()));
  } catch (const CLI::ParseError& failure) {
    result.errors.emplace_back(failure.what());
  }
  if (!result.errors.empty()) return result;

  options.command = chosen(commands);
  complete(options, environment);
  if (options.command == Command::kServe) result.errors = validate_options(options);
  if (options.command == Command::kPluginsNew && options.skeleton_language.empty()) {
    result.errors.emplace_back(R"(required flag(s) "lang" not set)");
  }
  if (!options.config_file.empty() && !options.config_text.empty() && options.command != Command::kServe) {
    result.errors.emplace_back(R"(both the "config-file" and "config-text" flags cannot be set at the same time)");
  }
  if (!result.errors.empty()) return result;
  result.exit_code = 0;
  result.options = std::move(options);
  return result;
}

}  // namespace epp::config
