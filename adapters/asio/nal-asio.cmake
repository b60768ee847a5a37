# nal::asio: headers alone, with the program's own Asio.
find_path(NAL_ASIO_INCLUDE_DIR asio.hpp)
if(NAL_ASIO_INCLUDE_DIR)
  if(NOT TARGET nal::asio)
    add_library(nal::asio INTERFACE IMPORTED)
    set_target_properties(nal::asio PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${NAL_ASIO_INCLUDE_DIR}"
      INTERFACE_COMPILE_DEFINITIONS ASIO_STANDALONE
      INTERFACE_LINK_LIBRARIES "nal::nal;Threads::Threads")
  endif()
else()
  _nal_missing(asio "asio.hpp was not found (Debian: libasio-dev; else say where by NAL_ASIO_INCLUDE_DIR)")
endif()
