//! What the integration tests of redress share.
