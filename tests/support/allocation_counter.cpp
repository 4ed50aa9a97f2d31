#include "support/allocation_counter.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace epp::testing {
namespace {

std::atomic<bool> counting{false};
std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t size) noexcept {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size != 0 ? size : 1);
}

void* counted_or_thrown(std::size_t size) {
  if (void* memory = counted(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void count_allocations() {
  allocations = 0;
  counting = true;
}

void stop_counting_allocations() {
  counting = false;
}

std::uint64_t counted_allocations() {
  return allocations.load(std::memory_order_relaxed);
}

}  // namespace epp::testing

// Plugins find these before their own.
void* operator new(std::size_t size) {
  return epp::testing::counted_or_thrown(size);
}
void* operator new[](std::size_t size) {
  return epp::testing::counted_or_thrown(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return epp::testing::counted(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return epp::testing::counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
