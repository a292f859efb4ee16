//! Opened documents to Kubernetes objects, in order.
