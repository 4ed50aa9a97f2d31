#include "net/io_pool.h"

#include "net/asio.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/post.hpp>
#include <pthread.h>

namespace epp::net {
namespace {

// The pool whose loop this thread runs.
thread_local const IoPool::Impl* current_pool = nullptr;

}  // namespace

void IoPool::Impl::run() {
  current_pool = this;
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& fault) {
      if (on_fault) on_fault(fault.what());
    } catch (...) {
      if (on_fault) on_fault("unknown exception");
    }
  }
}

IoPool::IoPool(unsigned threads, std::string_view name, FaultHandler on_fault)
    : impl_(std::make_unique<Impl>(std::max(threads, 1u))) {
  impl_->on_fault = std::move(on_fault);
  impl_->name = std::string(name.substr(0, 12));
  impl_->running = std::max(threads, 1u);
  for (unsigned i = 0; i < std::max(threads, 1u); ++i) {
    impl_->threads.emplace_back([impl = impl_.get(), i] {
      pthread_setname_np(pthread_self(), (impl->name + "-" + std::to_string(i % 100)).c_str());
      impl->run();
      const std::lock_guard lock(impl->running_mutex);
      if (--impl->running == 0) impl->ran_out.notify_all();
    });
  }
}

IoPool::~IoPool() {
  stop();
}

void IoPool::post(std::function<void()> work) {
  asio::post(impl_->context, std::move(work));
}

void IoPool::stop(std::chrono::milliseconds grace) {
  std::lock_guard lock(impl_->stop_mutex);
  if (impl_->threads.empty()) return;
  impl_->guard.reset();
  {
    std::unique_lock running(impl_->running_mutex);
    impl_->ran_out.wait_for(running, grace, [this] { return impl_->running == 0; });
  }
  impl_->context.stop();
  for (auto& thread : impl_->threads)
    thread.join();
  impl_->threads.clear();
}

unsigned IoPool::threads() const {
  return static_cast<unsigned>(impl_->threads.size());
}

bool IoPool::on_pool_thread() const {
  return current_pool == impl_.get();
}

}  // namespace epp::net
