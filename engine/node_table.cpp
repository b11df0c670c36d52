#include "engine/node_table.h"

#include <cstdlib>
#include <new>

namespace holdfast::engine {

// calloc: the kernel gives zero pages when they are touched, so a table for few cards costs little. A zeroed atomic
// pointer is a null one on every platform this is built for.
NodeTable::NodeTable(NodeIndex bit)
    : bit_(bit), chunks_(static_cast<std::atomic<Chunk*>*>(std::calloc(kChunks, sizeof(std::atomic<Chunk*>)))) {
  if (chunks_ == nullptr) throw std::bad_alloc();
}

void NodeTable::Release::operator()(std::atomic<Chunk*>* chunks) const {
  std::free(chunks);
}

NodeTable::~NodeTable() {
  for (std::size_t i = 0; i <= last_.load(std::memory_order_relaxed) / kChunk; ++i) {
    const std::unique_ptr<Chunk> chunk(chunks_[i].load(std::memory_order_relaxed));
    if (!chunk) continue;
    for (NodeSlot& slot : *chunk)
      delete slot.profile.load(std::memory_order_relaxed);
  }
}

NodeIndex NodeTable::allocate() {
  NodeIndex last = last_.load(std::memory_order_relaxed);
  do {
    if (last == kNodesMax) return kNoNode;
  } while (!last_.compare_exchange_weak(last, last + 1, std::memory_order_acq_rel));
  return (last + 1) | bit_;
}

void NodeTable::reserve_through(NodeIndex index) {
  index &= ~bit_;
  NodeIndex last = last_.load(std::memory_order_relaxed);
  while (last < index && !last_.compare_exchange_weak(last, index, std::memory_order_acq_rel)) {
  }
}

NodeSlot& NodeTable::at(NodeIndex index) {
  reserve_through(index);  // the destructor looks no further
  index &= ~bit_;
  std::atomic<Chunk*>& place = chunks_[index / kChunk];
  Chunk* chunk = place.load(std::memory_order_acquire);
  if (chunk == nullptr) {
    auto made = std::make_unique<Chunk>();
    // Two loops may make the same chunk at once: the first to publish it wins, the other throws its own away.
    if (place.compare_exchange_strong(chunk, made.get(), std::memory_order_acq_rel)) chunk = made.release();
  }
  return (*chunk)[index % kChunk];
}

NodeSlot* NodeTable::find(NodeIndex index) const {
  index &= ~bit_;
  if (index == kNoNode || index > kNodesMax) return nullptr;
  Chunk* chunk = chunks_[index / kChunk].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &(*chunk)[index % kChunk];
}

}  // namespace holdfast::engine
