#include "sim/metrics_page.h"

#include <array>
#include <charconv>
#include <numeric>

namespace epp::sim {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

class Page {
 public:
  explicit Page(std::string labels) : labels_(std::move(labels)) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_ += "# HELP " + std::string(name) + " " + std::string(help) + "\n";
    text_ += "# TYPE " + std::string(name) + " " + std::string(type) + "\n";
  }

  void sample(std::string_view name, const std::string& extra_labels, auto value) {
    text_ += name;
    if (!labels_.empty() || !extra_labels.empty()) {
      text_ += "{" + labels_ + (labels_.empty() || extra_labels.empty() ? "" : ",") + extra_labels + "}";
    }
    text_ += " " + number(value) + "\n";
  }

  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    sample(name, "", value);
  }

  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "counter", help);
    sample(name, "", value);
  }

  void histogram(const std::string& name, std::string_view help, const Histogram& histogram) {
    family(name, "histogram", help);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
      cumulative += histogram.counts()[i];
      const bool last = i == histogram.bounds().size();
      const std::string bound = last ? "+Inf" : number(histogram.bounds()[i]);
      sample(name + "_bucket", "le=\"" + bound + "\"", cumulative);
    }
    sample(name + "_count", "", cumulative);
    sample(name + "_sum", "", histogram.sum());
  }

  std::string text() && { return std::move(text_); }

 private:
  std::string labels_;
  std::string text_;
};

struct Load {
  double waiting;
  double running;
  double kv_usage;
};

Load load_of(const Engine& engine, const MetricOverrides& overrides) {
  return {.waiting = overrides.waiting.value_or(static_cast<double>(engine.waiting())),
          .running = overrides.running.value_or(static_cast<double>(engine.running())),
          .kv_usage = overrides.kv_usage.value_or(engine.kv_usage())};
}

std::string joined(const std::set<std::string>& names) {
  return std::accumulate(names.begin(), names.end(), std::string(), [](std::string all, const std::string& name) {
    return all.empty() ? name : all + "," + name;
  });
}

void process_families(Page& page, const PageInfo& info) {
  page.family("python_info", "gauge", "Python platform information");
  page.sample("python_info", R"(implementation="CPython",major="3",minor="12",patchlevel="10",version="3.12.10")", 1.0);
  page.family("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.");
  page.sample("process_start_time_seconds", "", info.start_time);
  page.family("http_requests_total", "counter", "Total number of requests by method, status and handler.");
  for (const auto& [path, count] : info.http_requests) {
    page.sample("http_requests_total", "handler=\"" + path + "\",method=\"POST\",status=\"2xx\"", count);
  }
}

std::string vllm_page(const Engine& engine, const PageInfo& info, const Load& load) {
  Page process("");
  process_families(process, info);

  const EngineOptions& options = engine.options();
  const EngineTotals& totals = engine.totals();
  Page page("engine=\"0\",model_name=\"" + info.model + "\"");
  page.gauge("vllm:num_requests_running", "Number of requests in model execution batches.", load.running);
  page.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.", load.waiting);
  page.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", load.kv_usage);
  page.counter("vllm:prefix_cache_queries_total", "Prefix cache queries, in terms of number of queried tokens.",
               totals.prefix_queries);
  page.counter("vllm:prefix_cache_hits_total", "Prefix cache hits, in terms of number of cached tokens.",
               totals.prefix_hits);
  page.counter("vllm:num_preemptions_total", "Cumulative number of preemption from the engine.", totals.preemptions);
  page.counter("vllm:prompt_tokens_total", "Number of prefill tokens processed.", totals.prompt_tokens);
  page.counter("vllm:generation_tokens_total", "Number of generation tokens processed.", totals.generation_tokens);
  page.family("vllm:request_success_total", "counter", "Count of successfully processed requests.");
  for (const auto& [reason, count] : info.finished) {
    page.sample("vllm:request_success_total", "finished_reason=\"" + reason + "\"", count);
  }
  page.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.", totals.prompt_size);
  page.histogram("vllm:request_generation_tokens", "Number of generation tokens processed.", totals.generation_size);
  page.histogram("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.",
                 totals.time_to_first_token_seconds);
  page.histogram("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.",
                 totals.inter_token_seconds);
  page.histogram("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.",
                 totals.e2e_seconds);
  page.histogram("vllm:request_queue_time_seconds", "Histogram of time spent in WAITING phase for request.",
                 totals.queue_seconds);

  Page unlabelled("");
  unlabelled.family("vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig");
  unlabelled.sample(
      "vllm:cache_config_info",
      "block_size=\"" + std::to_string(options.block_size) +
          R"(",cache_dtype="auto",enable_prefix_caching="True",engine="0",gpu_memory_utilization="0.9",)" +
          "num_cpu_blocks=\"None\",num_gpu_blocks=\"" + std::to_string(options.kv_blocks) + "\"",
      1.0);
  unlabelled.family("vllm:lora_requests_info", "gauge", "Running stats on lora requests.");
  unlabelled.sample("vllm:lora_requests_info",
                    "max_lora=\"" + std::to_string(options.max_loras) + "\",running_lora_adapters=\"" +
                        joined(engine.running_loras()) + "\",waiting_lora_adapters=\"" +
                        joined(engine.waiting_loras()) + "\"",
                    info.unix_time);
  return std::move(process).text() + std::move(page).text() + std::move(unlabelled).text();
}

std::string sglang_page(const Engine& engine, const PageInfo& info, const Load& load) {
  Page page("engine_type=\"unified\",model_name=\"" + info.model + "\"");
  page.gauge("sglang:num_running_reqs", "The number of running requests.", load.running);
  page.gauge("sglang:num_queue_reqs", "The number of requests in the waiting queue.", load.waiting);
  page.gauge("sglang:token_usage", "The token usage.", load.kv_usage);
  page.family("sglang:cache_config_info", "gauge", "The cache configuration.");
  page.sample("sglang:cache_config_info",
              "num_pages=\"" + std::to_string(engine.options().kv_blocks) + "\",page_size=\"" +
                  std::to_string(engine.options().block_size) + "\"",
              1.0);
  return std::move(page).text();
}

std::string trtllm_page(const Engine& engine, const PageInfo& info, const Load& load) {
  Page page("engine_type=\"trtllm\",model_name=\"" + info.model + "\"");
  page.gauge("trtllm_num_requests_running", "Requests being executed.", load.running);
  page.gauge("trtllm_num_requests_waiting", "Requests waiting to be executed.", load.waiting);
  page.gauge("trtllm_kv_cache_utilization", "Fraction of the KV cache in use.", load.kv_usage);
  page.gauge("trtllm_kv_cache_tokens_per_block", "Tokens in a KV cache block.", engine.options().block_size);
  page.gauge("trtllm_kv_cache_max_blocks", "KV cache blocks.", engine.options().kv_blocks);
  return std::move(page).text();
}

std::string triton_page(const Engine& engine, const PageInfo& info, const Load& load) {
  Page page("model=\"" + info.model + "\",version=\"1\"");
  page.family("nv_trt_llm_request_metrics", "gauge", "TRT LLM request metrics");
  page.sample("nv_trt_llm_request_metrics", R"(request_type="waiting")", load.waiting);
  page.sample("nv_trt_llm_request_metrics", R"(request_type="scheduled")", load.running);
  page.sample("nv_trt_llm_request_metrics", R"(request_type="max")",
              static_cast<double>(engine.options().max_num_seqs));
  page.family("nv_trt_llm_kv_cache_block_metrics", "gauge", "TRT LLM KV cache block metrics");
  page.sample("nv_trt_llm_kv_cache_block_metrics", R"(kv_cache_block_type="fraction")", load.kv_usage);
  page.sample("nv_trt_llm_kv_cache_block_metrics", R"(kv_cache_block_type="tokens_per")",
              static_cast<double>(engine.options().block_size));
  page.sample("nv_trt_llm_kv_cache_block_metrics", R"(kv_cache_block_type="max")",
              static_cast<double>(engine.options().kv_blocks));
  return std::move(page).text();
}

}  // namespace

std::optional<EngineKind> engine_kind(std::string_view name) {
  if (name == "vllm") return EngineKind::kVllm;
  if (name == "sglang") return EngineKind::kSglang;
  if (name == "trtllm-serve") return EngineKind::kTrtllmServe;
  if (name == "triton-tensorrt-llm") return EngineKind::kTritonTensorrtLlm;
  return std::nullopt;
}

std::string metrics_page(EngineKind kind, const Engine& engine, const PageInfo& info) {
  const Load load = load_of(engine, info.overrides);
  switch (kind) {
    case EngineKind::kVllm:
      return vllm_page(engine, info, load);
    case EngineKind::kSglang:
      return sglang_page(engine, info, load);
    case EngineKind::kTrtllmServe:
      return trtllm_page(engine, info, load);
    case EngineKind::kTritonTensorrtLlm:
      return triton_page(engine, info, load);
  }
  return {};
}

}  // namespace epp::sim
