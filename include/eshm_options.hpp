/** @file
 * How an end of a channel is opened, and how long to wait. Part of eshm.hpp. */
#ifndef ESHM_OPTIONS_HPP
#define ESHM_OPTIONS_HPP

#include "eshm.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace eshm {

/** Which end of a channel. */
enum class Role {
    master = ESHM_ROLE_MASTER,  /**< creates the segment, or takes over that of a dead master */
    slave = ESHM_ROLE_SLAVE,    /**< attaches to a segment that is there */
    automatic = ESHM_ROLE_AUTO  /**< slave if a live master is there, else master */
};

/** What a slave does when its master has gone. */
enum class Disconnect {
    immediately = ESHM_DISCONNECT_IMMEDIATELY, /**< stops for good */
    on_timeout = ESHM_DISCONNECT_ON_TIMEOUT,   /**< looks for a new one within the limits of its Options, then stops */
    never = ESHM_DISCONNECT_NEVER              /**< looks for a new one for ever */
};

/** How a waiting read learns of a message. */
enum class Wakeup {
    push = ESHM_WAKEUP_PUSH, /**< the writer wakes it */
    poll = ESHM_WAKEUP_POLL  /**< it looks about every 100 microseconds */
};

/** How much the library says on stderr, each with those before it; ESHM_LOG of the environment chooses until one is set. */
enum class LogLevel {
    off = ESHM_LOG_OFF,     /**< nothing */
    error = ESHM_LOG_ERROR, /**< what made a call fail */
    warn = ESHM_LOG_WARN,   /**< peers lost and found, takeovers, repairs */
    info = ESHM_LOG_INFO,   /**< ends that open and close */
    debug = ESHM_LOG_DEBUG  /**< what was tried in vain */
};

/** How long to wait: any std::chrono::duration, or eshm::forever. Rounded up to whole milliseconds, so that no wait is shorter
 * than asked; what is negative or no number is 0, which does not wait; from 49 days on there is no limit. */
class Timeout {
public:
    /** A limit. */
    template <class Rep, class Period>
    Timeout(std::chrono::duration<Rep, Period> limit) noexcept
        : Timeout(std::chrono::duration<double, std::milli>(limit).count()) {}

    /** No limit. */
    static constexpr Timeout none() noexcept { return Timeout(std::uint32_t{ESHM_TIMEOUT_INFINITE}); }

    /** As the C functions take it: milliseconds, or ESHM_TIMEOUT_INFINITE. */
    constexpr std::uint32_t milliseconds() const noexcept { return milliseconds_; }
    /** Whether there is no limit. */
    constexpr bool infinite() const noexcept { return milliseconds_ == ESHM_TIMEOUT_INFINITE; }

private:
    constexpr explicit Timeout(std::uint32_t milliseconds) noexcept : milliseconds_(milliseconds) {}

    explicit Timeout(double milliseconds) noexcept
        : milliseconds_(!(milliseconds > 0)                     ? 0
                        : milliseconds >= ESHM_TIMEOUT_INFINITE ? ESHM_TIMEOUT_INFINITE
                                                                : static_cast<std::uint32_t>(std::ceil(milliseconds))) {}

    std::uint32_t milliseconds_;
};

/** As a timeout: wait without limit. */
inline constexpr Timeout forever = Timeout::none();

/** How long a read spins before it parks: 0 parks at once; std::nullopt, as long as it has paid lately. */
using Spin = std::optional<std::chrono::microseconds>;

namespace detail {

/** As the C functions take it; what is negative is 0, what is too long the longest. */
inline std::uint32_t spin_us(Spin time) noexcept {
    constexpr std::int64_t longest = std::int64_t{ESHM_SPIN_ADAPTIVE} - 1;
    return time ? static_cast<std::uint32_t>(std::clamp<std::int64_t>(time->count(), 0, longest)) : ESHM_SPIN_ADAPTIVE;
}

} // namespace detail

/** The settings of an Endpoint, each with the default of eshm_default_config(); times are rounded up to milliseconds. */
class Options {
public:
    /** For the channel `name`, of 1 to 249 bytes: "demo" is /dev/shm/eshm_demo. */
    explicit Options(std::string name) noexcept : name_(std::move(name)) {}

    /** Which end to be; automatic by default. */
    Options& role(Role role) noexcept { return config_.role = static_cast<ESHMRole>(role), *this; }
    /** What a slave does when its master has gone; on_timeout by default. */
    Options& disconnect(Disconnect behavior) noexcept {
        return config_.disconnect_behavior = static_cast<ESHMDisconnectBehavior>(behavior), *this;
    }
    /** The silence after which a peer counts as gone; 100 ms by default. The creator's setting holds for both sides. */
    Options& stale_threshold(Timeout silence) noexcept { return config_.stale_threshold_ms = silence.milliseconds(), *this; }
    /** For how long a slave with on_timeout looks for a new master; 5 s by default, eshm::forever or 0 for no limit. */
    Options& reconnect_wait(Timeout limit) noexcept {
        return config_.reconnect_wait_ms = limit.infinite() ? 0 : limit.milliseconds(), *this;
    }
    /** The pause between two attempts of a slave to find a new master; 100 ms by default, 0 for each millisecond. */
    Options& reconnect_retry_interval(Timeout pause) noexcept {
        return config_.reconnect_retry_interval_ms = pause.milliseconds(), *this;
    }
    /** How often a slave with on_timeout tries that; 50 by default, 0 for no limit of attempts, nor then of the default 5 s. */
    Options& max_reconnect_attempts(std::uint32_t attempts) noexcept {
        return config_.max_reconnect_attempts = attempts, *this;
    }
    /** Whether a master removes the segment's name when it closes; true by default. */
    Options& auto_cleanup(bool remove) noexcept { return config_.auto_cleanup = remove, *this; }
    /** Whether heartbeats and checks happen on a background thread; true by default, else inside the calls. */
    Options& use_threads(bool background) noexcept { return config_.use_threads = background, *this; }

    /** Bytes of the largest message in a segment that is created, up to 1 GiB; ESHM_MAX_DATA_SIZE by default. An existing one
     * keeps its own: Endpoint::capacity() tells. */
    Options& capacity(std::size_t bytes) noexcept { return options_.capacity = bytes, *this; }
    /** Whether an existing segment of another capacity will not do: a slave refuses it, a master replaces it. */
    Options& exact_capacity(bool exact) noexcept { return options_.exact_capacity = exact, *this; }
    /** Permission bits of a file that is created, whatever the umask; by default 0666 less the umask. */
    Options& mode(std::uint32_t bits) noexcept { return options_.mode = bits, *this; }
    /** How long opening a slave waits for a live master; not at all by default. */
    Options& wait_for_master(Timeout limit) noexcept { return options_.wait_for_master_ms = limit.milliseconds(), *this; }
    /** Whether the value that is current at the attach is new to the first read; false by default. */
    Options& first_value(bool wanted) noexcept { return options_.first_value = wanted, *this; }
    /** Whether the kernel is asked for huge pages; false by default. Where it gives shared memory none, nothing happens. */
    Options& huge_pages(bool wanted) noexcept { return options_.huge_pages = wanted, *this; }
    /** Whether all pages are mapped at the opening, so that no first message pays for it; false by default. */
    Options& prefault(bool wanted) noexcept { return options_.prefault = wanted, *this; }
    /** How long a read spins before it parks; learnt by default, unless the environment sets ESHM_SPIN_US. */
    Options& spin(Spin time) noexcept { return options_.spin_us = detail::spin_us(time), *this; }
    /** How much is said on stderr, of the whole process from now on; by default it stays as it is. */
    Options& log_level(LogLevel level) noexcept { return options_.log_level = static_cast<ESHMLogLevel>(level), *this; }

    /** The name of the channel. */
    const std::string& name() const noexcept { return name_; }

    /** As eshm_init() takes it; valid as long as these options. */
    ESHMConfig config() const noexcept {
        ESHMConfig config = config_;
        config.shm_name = name_.c_str();
        return config;
    }

    /** As eshm_init_ex() takes them beside that. */
    const ESHMOptions& more() const noexcept { return options_; }

    /** Whether the capacity and the mode are such as eshm_init_ex() accepts. */
    bool in_range() const noexcept { return options_.capacity <= std::size_t{1} << 30 && options_.mode <= 0777; }

private:
    std::string name_;
    ESHMConfig config_ = eshm_default_config(nullptr);
    ESHMOptions options_ = eshm_default_options();
};

} // namespace eshm

#endif // ESHM_OPTIONS_HPP
