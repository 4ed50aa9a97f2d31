#include "telemetry/tracing.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace epp::telemetry {

struct BatchProcessor::Impl {
  Impl(std::unique_ptr<SpanExporter> span_exporter, const TracingConfig& config,
       std::function<void(std::string_view)> failure)
      : exporter(std::move(span_exporter)),
        on_failure(std::move(failure)),
        capacity(std::max<std::size_t>(config.queue_spans, 1)),
        batch(std::clamp<std::size_t>(config.batch_spans, 1, capacity)),
        delay(config.delay) {
    queue.reserve(capacity);
  }

  void run();
  void export_all(std::vector<std::unique_ptr<SpanData>>& spans);

  const std::unique_ptr<SpanExporter> exporter;
  const std::function<void(std::string_view)> on_failure;
  const std::size_t capacity;
  const std::size_t batch;
  const std::chrono::milliseconds delay;

  std::mutex mutex;
  std::condition_variable wake;  // the thread: a batch is full, a flush or the end is wanted
  std::condition_variable idle;  // flush(): spans were handed over
  std::vector<std::unique_ptr<SpanData>> queue;
  bool stop = false;
  std::uint64_t accepted = 0;     // spans that ever entered the queue
  std::uint64_t handed_over = 0;  // spans that left the exporter
  std::uint64_t flush_until = 0;  // a flush waits for this many
  std::uint64_t lost = 0;
  std::uint64_t exported = 0;
  std::thread thread;
};

void BatchProcessor::Impl::run() {
  std::vector<std::unique_ptr<SpanData>> spans;
  spans.reserve(capacity);
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait_for(lock, delay, [&] { return stop || queue.size() >= batch || flush_until > handed_over; });
    if (queue.empty()) {
      if (stop) return;
      continue;
    }
    spans.swap(queue);
    lock.unlock();
    export_all(spans);
    lock.lock();
    handed_over += spans.size();
    spans.clear();
    idle.notify_all();
  }
}

void BatchProcessor::Impl::export_all(std::vector<std::unique_ptr<SpanData>>& spans) {
  for (std::size_t at = 0; at < spans.size(); at += batch) {
    const std::size_t count = std::min(batch, spans.size() - at);
    std::string error;
    const bool sent = exporter->export_batch(std::span(spans).subspan(at, count), &error);
    bool give_up = false;
    {
      std::lock_guard lock(mutex);
      (sent ? exported : lost) += count;
      give_up = stop && !sent;  // an absent collector must not hold the shutdown once per batch
      if (give_up) lost += spans.size() - at - count;
    }
    if (!sent && on_failure) on_failure(error);
    if (give_up) return;
  }
}

BatchProcessor::BatchProcessor(std::unique_ptr<SpanExporter> exporter, const TracingConfig& config,
                               std::function<void(std::string_view)> on_failure)
    : impl_(std::make_unique<Impl>(std::move(exporter), config, std::move(on_failure))) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

BatchProcessor::~BatchProcessor() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

void BatchProcessor::on_end(std::unique_ptr<SpanData> span) noexcept {
  bool full = false;
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->queue.size() >= impl_->capacity) {
      ++impl_->lost;
      return;
    }
    impl_->queue.push_back(std::move(span));  // within the reserved capacity: cannot throw
    ++impl_->accepted;
    full = impl_->queue.size() == impl_->batch;
  }
  if (full) impl_->wake.notify_one();
}

void BatchProcessor::flush() {
  std::unique_lock lock(impl_->mutex);
  const std::uint64_t target = impl_->accepted;
  impl_->flush_until = std::max(impl_->flush_until, target);
  impl_->wake.notify_one();
  impl_->idle.wait(lock, [&] { return impl_->handed_over >= target; });
}

std::uint64_t BatchProcessor::exported() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->exported;
}

std::uint64_t BatchProcessor::dropped() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->lost;
}

std::unique_ptr<Tracing> Tracing::create(const TracingConfig& config, std::string* error,
                                         std::function<void(std::string_view)> on_failure) {
  auto exporter = config.exporter == TracingConfig::Exporter::kConsole ? make_console_exporter(config)
                                                                       : make_otlp_exporter(config, error);
  if (!exporter) return nullptr;
  return std::make_unique<Tracing>(std::move(exporter), config, std::move(on_failure));
}

Tracing::Tracing(std::unique_ptr<SpanExporter> exporter, const TracingConfig& config,
                 std::function<void(std::string_view)> on_failure)
    : sampler_(config.ratio), processor_(std::move(exporter), config, std::move(on_failure)) {}

}  // namespace epp::telemetry
