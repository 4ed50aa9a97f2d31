// model-sim: stands in for a vLLM server in tests and demos.
#include "sim/server.h"

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

namespace {

using epp::sim::ServerOptions;

void declare(CLI::App& app, ServerOptions& options, std::string& kind, double& ttft_ms, double& itl_ms) {
  app.add_option("--address", options.address, "The address to listen on")->check(CLI::ValidIPV4);
  app.add_option("--hosts", options.hosts, "How many addresses from there on, as if each were a pod of its own")
      ->check(CLI::Range(1, 16384));
  app.add_option("--port", options.port, "Port; 0 takes a free one");
  app.add_option("--name", options.name, "Value of the x-sim-endpoint response header (default: the address asked)");
  app.add_option("--model", options.models, "A served base model; repeatable")->required();
  app.add_option("--served-lora", options.loras, "A served LoRA adapter; repeatable");
  app.add_option("--engine", kind, "Whose metric names to use")
      ->check(CLI::IsMember({"vllm", "sglang", "trtllm-serve", "triton-tensorrt-llm"}));
  app.add_option("--max-loras", options.engine.max_loras, "Adapters in the running batch; 0: no limit");
  app.add_option("--max-num-seqs", options.engine.max_num_seqs, "Sequences in the running batch")
      ->check(CLI::PositiveNumber);
  app.add_option("--max-queue", options.engine.max_queue, "Waiting sequences; 0: no limit");
  app.add_option("--kv-blocks", options.engine.kv_blocks, "KV cache blocks")->check(CLI::PositiveNumber);
  app.add_option("--block-size", options.engine.block_size, "Tokens in a block")->check(CLI::PositiveNumber);
  app.add_option("--prefill-tokens-per-second", options.engine.prefill_tokens_per_second)->check(CLI::PositiveNumber);
  app.add_option("--ttft-ms", ttft_ms, "Part of each prefill that does not depend on its length")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--itl-ms", itl_ms, "Between two tokens of a sequence")->check(CLI::NonNegativeNumber);
  app.add_option("--jitter", options.engine.jitter, "Durations vary by this fraction")->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", options.engine.seed, "Of all randomness");
  app.add_option("--fail-rate", options.fail_rate, "Fraction of inference requests answered with status 500")
      ->check(CLI::Range(0.0, 1.0));
  app.option_defaults()->always_capture_default();
}

}  // namespace

int main(int argc, char** argv) {
  ServerOptions options;
  std::string kind = "vllm";
  double ttft_ms = 20;
  double itl_ms = 10;
  CLI::App app("A stand-in for a vLLM server: made-up answers, real queueing, caching and metrics.", "model-sim");
  declare(app, options, kind, ttft_ms, itl_ms);
  CLI11_PARSE(app, argc, argv);
  options.kind = *epp::sim::engine_kind(kind);
  options.engine.base_ttft = std::chrono::duration<double, std::milli>(ttft_ms);
  options.engine.inter_token_time = std::chrono::duration<double, std::milli>(itl_ms);
  try {
    epp::sim::Server server(options);
    std::printf("listening on %s:%u\n", options.address.c_str(), unsigned{server.port()});
    std::fflush(stdout);
    server.run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model-sim: %s\n", error.what());
    return 1;
  }
}
