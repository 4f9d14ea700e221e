/** @file
 * The messages of a channel as a range. Part of eshm.hpp. */
#ifndef ESHM_VALUES_HPP
#define ESHM_VALUES_HPP

#include "eshm.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <system_error>

namespace eshm {

/** What Endpoint::values() gives: an input range, to be gone through once, of an Endpoint that outlives it and stays in place.
 *
 * Each step reads the newest message that was not read yet; those that were overwritten before are not in it. The range ends
 *   - when the peer, once it was seen alive, has left, died or is stale, and nothing that it wrote is left to be read. A slave
 *     that finds a new master goes on with a new range;
 *   - when a slave gives up looking for a master (Options::reconnect_wait(), max_reconnect_attempts());
 *   - when a step has waited for `patience`.
 * A step that fails otherwise throws as Endpoint::read(). */
template <class T>
class Values {
public:
    /** Where a range ends. */
    struct Sentinel {};

    /** Reads the next message at each increment. */
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag; /**< once through */
        using value_type = T;                              /**< what was read */
        using difference_type = std::ptrdiff_t;            /**< as iterators must have it */
        using pointer = const T*;                          /**< valid until the increment */
        using reference = const T&;                        /**< valid until the increment */

        /** The message read last. */
        reference operator*() const noexcept { return *range_->value_; }
        /** The message read last. */
        pointer operator->() const noexcept { return &*range_->value_; }
        /** Waits for the next message. */
        Iterator& operator++() {
            range_->step();
            return *this;
        }
        /** Waits for the next message. */
        void operator++(int) { range_->step(); }
        /** Whether there was none. */
        friend bool operator==(const Iterator& at, Sentinel) noexcept { return at.ended(); }
        /** Whether there was one. */
        friend bool operator!=(const Iterator& at, Sentinel) noexcept { return !at.ended(); }

    private:
        friend Values;
        explicit Iterator(Values* range) noexcept : range_(range) {}
        bool ended() const noexcept { return !range_->value_; }

        Values* range_;
    };

    /** Those of `endpoint`. */
    Values(Endpoint& endpoint, Timeout patience) noexcept : endpoint_(&endpoint), patience_(patience) {}

    /** Waits for the first message. */
    Iterator begin() {
        step();
        return Iterator(this);
    }
    /** The end. */
    Sentinel end() const noexcept { return {}; }

private:
    using Clock = std::chrono::steady_clock;

    /** How often the peer is looked after. The service thread knows of a loss; a waiting read does not end for it. */
    static constexpr std::chrono::milliseconds kSlice{20};

    void step() {
        const Clock::time_point begun = Clock::now();
        const std::chrono::milliseconds whole(patience_.milliseconds());
        std::chrono::milliseconds waited(0); // counted too: the clock may have been set back
        value_.reset();
        for (;; waited += kSlice) {
            const Clock::duration left = patience_.infinite()
                                             ? Clock::duration(kSlice)
                                             : std::min<Clock::duration>(begun + whole - Clock::now(), whole - waited);
            if (take(std::min<Clock::duration>(left, kSlice)) || gone_) return;
            if (lost()) {
                take(Timeout(Clock::duration::zero())); // what came between the read and the loss
                gone_ = true;
                return;
            }
            if (value_) return;
            if (left <= Clock::duration::zero()) return;
        }
    }

    bool take(Timeout timeout) {
        std::error_code code;
        value_ = endpoint_->template read<T>(timeout, code);
        gone_ = code == errc::master_stale;
        if (!gone_) detail::throw_if(code, "read", bool(*endpoint_));
        seen_ = seen_ || value_;
        return value_.has_value();
    }

    bool lost() {
        const bool alive = endpoint_->remote_alive();
        std::error_code code;
        const ESHMStats stats = endpoint_->stats(code); // all zero while detached
        const bool of_master = endpoint_->role() == Role::master;
        const bool attached = of_master ? stats.slave_alive : stats.master_alive;
        // Its first heartbeat too: until then the silence before it came may still make it stale.
        seen_ = seen_ || (alive && attached && (of_master ? stats.slave_heartbeat : stats.master_heartbeat) > 0);
        return (seen_ && !alive) || endpoint_->has_given_up();
    }

    Endpoint* endpoint_;
    Timeout patience_;
    std::optional<T> value_;
    bool seen_ = false; // the peer; one that never came is not lost
    bool gone_ = false;
};

template <class T>
Values<T> Endpoint::values(Timeout patience) noexcept {
    return Values<T>(*this, patience);
}

} // namespace eshm

#endif // ESHM_VALUES_HPP
