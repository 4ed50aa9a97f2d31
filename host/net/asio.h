// Internal to net/*.cpp: the event loop behind IoPool. The only place, with its includers, that knows Asio.
#pragma once

#include "net/io_pool.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

namespace epp::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

struct IoPool::Impl {
  explicit Impl(unsigned concurrency) : context(static_cast<int>(concurrency)), guard(context.get_executor()) {}

  asio::io_context context;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard;
  FaultHandler on_fault;
  std::string name;
  std::vector<std::thread> threads;
  std::mutex stop_mutex;

  // Threads still in the loop; it ends by itself when nothing is outstanding and the guard is gone.
  std::mutex running_mutex;
  std::condition_variable ran_out;
  unsigned running = 0;

  void run();
};

}  // namespace epp::net
