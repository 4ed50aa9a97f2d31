// Metrics pages as repetitive as that of a vLLM server, and as large.
#pragma once

#include <algorithm>
#include <string>

namespace epp::bench {

/// A page of `histograms` (0 to 14) histograms with 23 buckets behind the other series: 14 make 50 KB, 10 make 38 KB.
/// None: only what a scheduler reads, 1.3 KB.
inline std::string vllm_page(int histograms_wanted = 14) {
  const std::string labels = "engine=\"0\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"";
  std::string page;
  const auto declare = [&](const std::string& name, const std::string& type, const std::string& help) {
    page += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  };
  const auto sample = [&](const std::string& name, const std::string& given, const std::string& value) {
    page += name + "{" + given + "} " + value + "\n";
  };
  for (const char* generation : {"0", "1", "2"}) {
    if (histograms_wanted == 0) break;
    declare("python_gc_objects_collected_" + std::string(generation), "counter", "Objects collected during gc");
    sample("python_gc_objects_collected_" + std::string(generation), "generation=\"" + std::string(generation) + "\"",
           "11723.0");
  }
  for (const char* name :
       {"process_virtual_memory_bytes", "process_resident_memory_bytes", "process_cpu_seconds_total"}) {
    if (histograms_wanted == 0) break;
    declare(name, "gauge", "Process figure as the client library reports it.");
    page += std::string(name) + " 1.4385152e+10\n";
  }
  const char* gauges[] = {"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"};
  const char* values[] = {"12.0", "3.0", "0.4372510957624512"};
  for (int i = 0; i < 3; ++i) {
    declare(gauges[i], "gauge", "Number of requests in model execution batches.");
    sample(gauges[i], labels, values[i]);
  }
  declare("vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig");
  sample("vllm:cache_config_info",
         "block_size=\"16\",cache_dtype=\"auto\",calculate_kv_scales=\"False\",cpu_offload_gb=\"0\","
         "enable_prefix_caching=\"True\",engine=\"0\",gpu_memory_utilization=\"0.9\",is_attention_free=\"False\","
         "num_cpu_blocks=\"None\",num_gpu_blocks=\"27489\",num_gpu_blocks_override=\"None\","
         "prefix_caching_hash_algo=\"builtin\",sliding_window=\"None\",swap_space=\"4\"",
         "1.0");
  declare("vllm:lora_requests_info", "gauge", "Running stats on lora requests.");
  sample("vllm:lora_requests_info",
         "max_lora=\"4\",running_lora_adapters=\"adapter-1,adapter-2\",waiting_lora_adapters=\"adapter-3\"",
         "1.7637581234567e+09");
  if (histograms_wanted == 0) return page;
  for (const char* name : {"prompt_tokens", "generation_tokens", "prefix_cache_queries", "prefix_cache_hits",
                           "num_preemptions", "request_success"}) {
    const std::string full = "vllm:" + std::string(name) + "_total";
    declare(full, "counter", "Cumulative number of tokens processed.");
    sample(full, labels, "182734.0");
    declare("vllm:" + std::string(name) + "_created", "gauge", "Cumulative number of tokens processed.");
    sample("vllm:" + std::string(name) + "_created", labels, "1.7637571234567e+09");
  }
  const char* histograms[] = {"time_to_first_token_seconds",
                              "time_per_output_token_seconds",
                              "inter_token_latency_seconds",
                              "e2e_request_latency_seconds",
                              "request_queue_time_seconds",
                              "request_inference_time_seconds",
                              "request_prefill_time_seconds",
                              "request_decode_time_seconds",
                              "request_prompt_tokens",
                              "request_generation_tokens",
                              "request_params_n",
                              "request_params_max_tokens",
                              "request_max_num_generation_tokens",
                              "iteration_tokens_total"};
  const char* bounds[] = {"0.001", "0.005", "0.01", "0.02",  "0.04",  "0.06",   "0.08", "0.1",
                          "0.25",  "0.5",   "0.75", "1.0",   "2.5",   "5.0",    "7.5",  "10.0",
                          "20.0",  "40.0",  "80.0", "160.0", "640.0", "2560.0", "+Inf"};
  for (const char* const* histogram = histograms; histogram != histograms + std::min(histograms_wanted, 14);
       ++histogram) {
    const std::string name = "vllm:" + std::string(*histogram);
    declare(name, "histogram", "Histogram of the figure in seconds or tokens.");
    int count = 0;
    for (const char* bound : bounds) {
      sample(name + "_bucket",
             "engine=\"0\",le=\"" + std::string(bound) + "\",model_name=\"meta-llama/Llama-3.1-8B-Instruct\"",
             std::to_string(count += 137) + ".0");
    }
    sample(name + "_count", labels, std::to_string(count) + ".0");
    sample(name + "_sum", labels, "8821.449827194214");
    declare(name + "_created", "gauge", "Histogram of the figure in seconds or tokens.");
    sample(name + "_created", labels, "1.7637571234567e+09");
  }
  return page;
}

}  // namespace epp::bench
