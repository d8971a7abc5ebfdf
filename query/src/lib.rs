//! The reading room: principal to session, Flight SQL, Postgres wire, gRPC.
