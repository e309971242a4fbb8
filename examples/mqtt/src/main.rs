//! Plays the story and prints sessions and waits.

use std::io;

#[tokio::main]
async fn main() -> io::Result<()> {
    mqtt_uplink::play().await.map(drop)
}
