//! The cluster client against a real Redis Cluster.

mod batches;
mod commands;
mod load;
mod moves;
mod pubsub;
mod replicas;
mod rows;
mod scan;
