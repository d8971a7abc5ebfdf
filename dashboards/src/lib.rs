//! The windows: dashboards served from the node.
