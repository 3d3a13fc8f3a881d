"""Google's Gemini: text, embeddings, images and video."""
