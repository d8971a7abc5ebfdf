//! The generated code of ajisai.v1 and the one door between it and the model.
