//! What came from one device, and what it was answered.

use std::time::Duration;

use crate::script::Answer;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When, on the session's clock.
    pub at: Duration,
    /// From which device.
    pub device: u32,
    /// Number of the request.
    pub seq: u16,
    /// Which attempt at it, the first being 1.
    pub attempt: u32,
    /// What was to be delivered.
    pub payload: Vec<u8>,
    /// What the script had for it.
    pub answer: Answer,
    /// The rule that said so.
    pub rule: Option<usize>,
}

/// An intact acknowledgement as it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: Duration,
    /// Which request.
    pub seq: u16,
}

/// All of one link's session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Requests in the order they came.
    pub arrivals: Vec<Arrival>,
    /// Acknowledgements in the order they left.
    pub deliveries: Vec<Delivery>,
    /// Pieces that were no frame, or a frame that no device sends.
    pub garbled: u32,
}

impl Record {
    /// The device that spoke first, if any did.
    pub fn device(&self) -> Option<u32> {
        self.arrivals.first().map(|arrival| arrival.device)
    }

    /// When the request of this number was first acknowledged.
    pub fn delivered_at(&self, seq: u16) -> Option<Duration> {
        self.deliveries.iter().find(|delivery| delivery.seq == seq).map(|delivery| delivery.at)
    }

    /// Every attempt that was followed by another one at the same request, with that one.
    pub fn repeats(&self) -> impl Iterator<Item = (&Arrival, &Arrival)> {
        self.arrivals.iter().enumerate().filter_map(|(index, first)| {
            let next = self.arrivals[index + 1..].iter().find(|next| next.seq == first.seq)?;
            Some((first, next))
        })
    }
}
